"""Rows of a column of lists as Python lists."""

from cpython.float cimport PyFloat_FromDouble
from cpython.list cimport PyList_New, PyList_SET_ITEM, PyList_SetSlice
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t

cdef tuple NOTHING = ()


cdef class FloatLists:
    """A column of lists of float32.

    Parameters
    ----------
    offsets : int64 [n + 1], where each row's values begin and end.
    values : float32.
    """

    cdef const int64_t[::1] offsets
    cdef const float[::1] values

    def __init__(self, const int64_t[::1] offsets, const float[::1] values):
        self.offsets, self.values = offsets, values

    def row(self, Py_ssize_t row, type kind=list):
        """A row's values as a list.

        Parameters
        ----------
        kind : list, or a class derived from it that is made without arguments.
        """
        cdef int64_t begin, end, i
        cdef list values
        cdef object value, made
        if not 0 <= row < self.offsets.shape[0] - 1:
            raise IndexError(f"row {row} of {self.offsets.shape[0] - 1}")
        begin, end = self.offsets[row], self.offsets[row + 1]
        if not 0 <= begin <= end <= self.values.shape[0]:
            raise IndexError(f"row {row} has the values {begin}:{end} of {self.values.shape[0]}")
        values = PyList_New(end - begin)
        for i in range(end - begin):
            value = PyFloat_FromDouble(self.values[begin + i])
            Py_INCREF(value)
            PyList_SET_ITEM(values, i, value)
        if kind is list:
            return values
        made = (<PyTypeObject*>kind).tp_new(kind, <PyObject*>NOTHING, NULL)
        PyList_SetSlice(made, 0, 0, values)
        return made
