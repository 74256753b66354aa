"""A real daemon with a generation whose pace the request decides; everything else in it is the product's own."""

import sys

from brain.conditioning.embedding import HashedWords
from brain.daemon.main import main
from brain.daemon.system import Parts
from tests import paced

if __name__ == "__main__":
    sys.exit(main(make_parts=lambda settings: Parts(paced.load, paced.generate, HashedWords())))
