# Batches of small files. See files.pyi.

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free

import os


cdef extern from *:
    """
    #include <stdint.h>
    #include <stdlib.h>

    typedef struct {
        const char *path;   /* to read from, or to write to */
        const char *target; /* to copy to */
        const char *tail;   /* to write after the data */
        char *data;         /* to read to, or to write */
        int64_t size;
        int64_t tail_size;
        int64_t at;         /* where it is to be read to */
        int file;
        int done;
    } dm_job;

    #ifdef _WIN32
    static int64_t dm_open(dm_job *jobs, int64_t n, int64_t limit, int64_t step, int64_t gap) {
        return n;
    }
    static void dm_close(dm_job *jobs, int64_t n) {}
    static void dm_read(dm_job *jobs, int64_t n) {}
    static void dm_write(dm_job *jobs, int64_t n) {}
    static int64_t dm_copy(dm_job *jobs, int64_t n, int64_t limit) { return n; }
    #else

    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <errno.h>
    #include <fcntl.h>
    #include <sys/stat.h>
    #include <unistd.h>

    #define DM_BUFFER (1 << 16)

    /* Open a regular file, not larger than that. Pipes must not block. */
    static int dm_open_one(dm_job *job, int64_t limit) {
        struct stat status;
        if (!job->path) return 0;
        job->file = open(job->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (job->file < 0) return 0;
        if (!fstat(job->file, &status) && S_ISREG(status.st_mode) && status.st_size <= limit) {
            job->size = status.st_size;
            return 1;
        }
        close(job->file);
        job->file = -1;
        return 0;
    }

    static void dm_close(dm_job *jobs, int64_t n) {
        int64_t i;
        for (i = 0; i < n; i++)
            if (jobs[i].file >= 0) {
                close(jobs[i].file);
                jobs[i].file = -1;
            }
    }

    /* Open the first files, as many as memory of that size can take; how many these are. Each is to
       begin at a multiple of some bytes, and some after the one before. What could not even be
       taken alone is left. */
    static int64_t dm_open(dm_job *jobs, int64_t n, int64_t limit, int64_t step, int64_t gap) {
        int64_t i, next = 0;
        for (i = 0; i < n; i++) {
            if (!dm_open_one(&jobs[i], limit)) continue;
            if (jobs[i].size > limit - next) {
                dm_close(&jobs[i], 1);
                break;
            }
            jobs[i].at = next;
            next += jobs[i].size + gap + step - 1;
            next -= next % step;
        }
        return i;
    }

    /* The next bytes of a file, fewer at its end; -1 for an error. */
    static int64_t dm_get(int file, char *data, int64_t size) {
        int64_t done = 0;
        while (done < size) {
            ssize_t n = read(file, data + done, size - done);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return -1;
            if (!n) break;
            done += n;
        }
        return done;
    }

    static int dm_put(int file, const char *data, int64_t size) {
        while (size) {
            ssize_t n = write(file, data, size);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return 0;
            data += n;
            size -= n;
        }
        return 1;
    }

    /* A file that was not there: no link is followed, nothing is overwritten. */
    static int dm_create(const char *path) {
        return !path ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }

    /* All of the files that are open; those that have grown are not done. */
    static void dm_read(dm_job *jobs, int64_t n) {
        int64_t i;
        char more;
        for (i = 0; i < n; i++)
            if (jobs[i].file >= 0) {
                int file = jobs[i].file;
                jobs[i].done = dm_get(file, jobs[i].data, jobs[i].size) == jobs[i].size
                    && dm_get(file, &more, 1) == 0;
            }
    }

    static void dm_write(dm_job *jobs, int64_t n) {
        int64_t i;
        for (i = 0; i < n; i++) {
            int written, to = dm_create(jobs[i].path);
            if (to < 0) continue;
            written = dm_put(to, jobs[i].data, jobs[i].size)
                && dm_put(to, jobs[i].tail, jobs[i].tail_size);
            jobs[i].done = close(to) == 0 && written;
        }
    }

    static int dm_copy_content(int from, int to, int64_t size, char *buffer) {
    #ifdef __linux__
        int64_t left = size;
        while (left) {
            ssize_t n = copy_file_range(from, NULL, to, NULL, left, 0);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) break; /* not between these two file systems, or at all: by hand */
            left -= n;
        }
        if (size && !left) return 1;
    #endif
        while (1) {
            int64_t n = dm_get(from, buffer, DM_BUFFER);
            if (n <= 0) return n == 0;
            if (!dm_put(to, buffer, n)) return 0;
        }
    }

    /* Copy the first files, as `dm_open` counts them. */
    static int64_t dm_copy(dm_job *jobs, int64_t n, int64_t limit) {
        int64_t i;
        char *buffer = malloc(DM_BUFFER);
        if (!buffer) return n;
        n = dm_open(jobs, n, limit, 1, 0);
        for (i = 0; i < n; i++) {
            int copied, to;
            if (jobs[i].file < 0) continue;
            to = dm_create(jobs[i].target);
            if (to >= 0) {
                copied = dm_copy_content(jobs[i].file, to, jobs[i].size, buffer);
                jobs[i].done = close(to) == 0 && copied;
            }
            dm_close(&jobs[i], 1);
        }
        free(buffer);
        return n;
    }
    #endif
    """
    ctypedef struct dm_job:
        const char* path
        const char* target
        const char* tail
        char* data
        int64_t size
        int64_t tail_size
        int64_t at
        int done
        int file

    int64_t dm_open(dm_job* jobs, int64_t n, int64_t limit, int64_t step, int64_t gap) nogil
    void dm_close(dm_job* jobs, int64_t n) nogil
    void dm_read(dm_job* jobs, int64_t n) nogil
    void dm_write(dm_job* jobs, int64_t n) nogil
    int64_t dm_copy(dm_job* jobs, int64_t n, int64_t limit) nogil


cdef int64_t LIMIT = 16 << 20


cdef class Jobs:
    """What is to be done with each path."""
    cdef dm_job* jobs
    cdef Py_ssize_t n
    cdef list kept           # what the pointers point into

    def __cinit__(self, list paths):
        cdef Py_ssize_t i
        self.n = len(paths)
        self.jobs = <dm_job*>calloc(self.n + 1, sizeof(dm_job))
        if self.jobs == NULL:
            raise MemoryError
        for i in range(self.n):
            self.jobs[i].file = -1
        self.kept = []
        for i in range(self.n):
            self.jobs[i].path = self.encoded(paths[i])

    def __dealloc__(self):
        if self.jobs != NULL:
            dm_close(self.jobs, self.n)
        free(self.jobs)

    cdef const char* encoded(self, path) except? NULL:
        """The path as the system wants it; NULL when it is none."""
        cdef bytes text
        try:
            text = os.fsencode(path)
        except UnicodeError:
            return NULL
        if b"\0" in text:
            return NULL
        self.kept.append(text)
        return PyBytes_AS_STRING(text)


def copy(list sources, list targets):
    """See files.pyi."""
    cdef Jobs batch = Jobs(sources)
    cdef int64_t i, n
    for i in range(batch.n):
        batch.jobs[i].target = batch.encoded(targets[i])
    with nogil:
        n = dm_copy(batch.jobs, batch.n, LIMIT)
    return [batch.jobs[i].done != 0 for i in range(n)]


def read(list paths, uint8_t[::1] memory, int64_t step=1, int64_t gap=0):
    """See files.pyi."""
    cdef Jobs batch = Jobs(paths)
    cdef int64_t i, n
    with nogil:
        n = dm_open(batch.jobs, batch.n, memory.shape[0], step, gap)
        for i in range(n):
            if batch.jobs[i].size:
                batch.jobs[i].data = <char*>&memory[batch.jobs[i].at]
        dm_read(batch.jobs, n)
        dm_close(batch.jobs, n)
    return [
        (batch.jobs[i].at, batch.jobs[i].at + batch.jobs[i].size) if batch.jobs[i].done else None
        for i in range(n)
    ]


def write(list paths, const uint8_t[::1] memory, list places, list tails):
    """See files.pyi."""
    cdef Jobs batch = Jobs(paths)
    cdef int64_t i, begin, end
    cdef bytes tail
    for i in range(batch.n):
        begin, end = places[i]
        if not 0 <= begin <= end <= memory.shape[0]:
            raise ValueError("more is to be written than there is")
        if begin < end:
            batch.jobs[i].data = <char*>&memory[begin]
        batch.jobs[i].size = end - begin
        tail = tails[i]
        batch.kept.append(tail)
        batch.jobs[i].tail = PyBytes_AS_STRING(tail)
        batch.jobs[i].tail_size = len(tail)
    with nogil:
        dm_write(batch.jobs, batch.n)
    return [batch.jobs[i].done != 0 for i in range(batch.n)]
