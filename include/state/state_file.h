/**
 * state_file: the file in server.state_dir, and the rules by which it comes and goes.
 *
 *     statsd.state             whole, always: it is written as statsd.state.new, synced, renamed,
 *                              and the folder is synced.  Where that fails, the old one stays
 *     statsd.state.reading     the same while a start reads it: whatever becomes of that process,
 *                              no other one reads it again
 *     statsd.state.damaged.N   set aside at a start, N = 1 .. STATE_FILE_ASIDE; beyond that the
 *                              last one is replaced
 *
 * A file is ours when it is a plain file of the user that the process runs as, and its records name
 * the same server.instance (state.c).  The folder is locked as long as the process lives: two
 * servers in one would take each other's state.
 *
 *   thread   control; calls wait for the disk
 */
#ifndef STATE_STATE_FILE_H
#define STATE_STATE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/records.h"

#define STATE_FILE_NAME "statsd.state"

enum { STATE_FILE_ASIDE = 3, STATE_FILE_TEXT = 64 };

struct state_file {
    int dir;        /* -1: there is none */
    int fd;         /* open for writing or reading, or -1 */
    uint64_t bytes; /* of the file at hand */
    bool claimed;   /* the one at hand has the name for what is read */
    bool stuck;     /* the one at hand is not to be read, and could not be set aside */
};

/* What was left half written goes.   returns  0 or -errno; -EWOULDBLOCK: another process has it */
int state_file_open_dir(struct state_file *f, const char *path);
void state_file_close_dir(struct state_file *f);

/* Can another user than root take files of the folder away, or put others there? */
bool state_file_is_open_to_others(const struct state_file *f);

/* ---- writing: create, write by the sink, then commit or give up ---- */

int state_file_create(struct state_file *f); /* returns  0 or -errno */
struct records_sink state_file_sink(struct state_file *f);

/* What was written is the state from now on; one that is stuck is set aside, or else stays.
 *   returns  0 or -errno: the old one is untouched */
int state_file_commit(struct state_file *f);
void state_file_give_up(struct state_file *f);

/* ---- reading ---- */

/**
 * state_file_open(f):
 *   returns  0; -ENOENT: there is none; -EPERM: it is another user's, or no plain file; -errno
 */
int state_file_open(struct state_file *f);
struct records_source state_file_source(struct state_file *f);
int state_file_rewind(struct state_file *f); /* returns  0 or -errno */
void state_file_close(struct state_file *f);

/**
 * state_file_claim(f):
 * The open file is this process' alone, on the disk too.  From now on it is consumed, even if the
 * process dies at once.
 *   returns  0; -EEXIST: there is a claimed one that could not be set aside; -errno
 */
int state_file_claim(struct state_file *f);

/* Its name in the folder: that of what is read, once it is claimed. */
const char *state_file_at_hand(const struct state_file *f);

/* What a process had claimed when it died is at hand, closed.   returns  false: there is none */
bool state_file_left(struct state_file *f);

/* What was claimed may be read again.   returns  0 or -errno: it may not */
int state_file_return(struct state_file *f);

/* The one at hand is gone, on the disk too.   returns  0 or -errno: it may still be there */
int state_file_consume(struct state_file *f);

/* The one at hand has another name from now on, which is put into ret.   returns  0 or -errno: it
 * is stuck */
int state_file_set_aside(struct state_file *f, char ret[STATE_FILE_TEXT]);

#endif
