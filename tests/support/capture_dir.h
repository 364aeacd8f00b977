/* A folder for the tests of captures: *state is a struct capture_dir, made and removed for each. */
#ifndef SUPPORT_CAPTURE_DIR_H
#define SUPPORT_CAPTURE_DIR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct capture_dir {
    char path[64];
    int fd;
};

int capture_dir_setup(void **state);
int capture_dir_teardown(void **state);

void capture_dir_put(const struct capture_dir *d, const char *name, const char *text);
bool capture_dir_has(const struct capture_dir *d, const char *name);
long capture_dir_bytes(const struct capture_dir *d, const char *name); /* -1: it is not there */
size_t capture_dir_count(const struct capture_dir *d);                 /* of all that is there */

/*
 * The payloads of all packets but descriptions, each in brackets, of all whole files in the order
 * of their names.  A file that is no pcap, or is cut, fails the test.
 */
void capture_dir_payloads(const struct capture_dir *d, struct buf *out);

#endif
