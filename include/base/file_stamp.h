/**
 * file_stamp: which file stands at a path, to see that it is another one, or was written.
 *   thread   any (no state)     cost   a stat
 */
#ifndef BASE_FILE_STAMP_H
#define BASE_FILE_STAMP_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* All 0: there is none. */
struct file_stamp {
    uint64_t dev, ino, size;
    struct timespec modified, changed;
};

/* path: NULL is a file that is not there; of a link, what it leads to */
struct file_stamp file_stamp(const char *path);
bool file_stamp_eq(const struct file_stamp *a, const struct file_stamp *b);

#endif
