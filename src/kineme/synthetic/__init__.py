"""Synthetic motions: labelled, physically plausible skeleton clips made by forward kinematics.

For the demo, examples and tests: `synthetic_store` gives a store at once, `write_ntu_files` raw files in the format
of NTU RGB+D.
"""

from kineme.synthetic.motions import SYNTHETIC_CLASSES
from kineme.synthetic.ntu_writer import write_ntu_files
from kineme.synthetic.recording import Take, generate_clip, synthetic_store

__all__ = ["SYNTHETIC_CLASSES", "Take", "generate_clip", "synthetic_store", "write_ntu_files"]
