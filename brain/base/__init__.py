"""The ground floor: errors, settings, messages, seeds, clocks. Imports nothing of ours but itself."""
