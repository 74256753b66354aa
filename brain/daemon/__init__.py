"""The process `aiosd`: builds every part, guards its door, says how it is, and ends well."""
