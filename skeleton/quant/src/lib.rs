//! ArrowQuant: INT2, INT4 and INT8 group quantisation, packing and measured error.
