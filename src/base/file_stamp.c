#include "base/file_stamp.h"

#include <stddef.h>
#include <sys/stat.h>

struct file_stamp file_stamp(const char *path)
{
    struct stat st;
    if (path == NULL || stat(path, &st) < 0)
        return (struct file_stamp){ 0 };
    return (struct file_stamp){ .dev = st.st_dev,
                                .ino = st.st_ino,
                                .size = (uint64_t)st.st_size,
                                .modified = st.st_mtim,
                                .changed = st.st_ctim };
}

bool file_stamp_eq(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}
