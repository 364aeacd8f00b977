/**
 * takeover_rig: the two daemons of a takeover, as far as giver and taker know them: they note what
 * they are told, and fail where a test wants it.  An end each, or both in one process.
 */
#ifndef SUPPORT_TAKEOVER_RIG_H
#define SUPPORT_TAKEOVER_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "takeover/giver.h"
#include "takeover/taker.h"

enum { RIG_FDS_MAX = 600, RIG_STREAMS_MAX = 400 };

/* Where an end stops: it dies, refuses, or never answers. */
enum rig_stop {
    STOP_NOWHERE,
    STOP_AT_START, /* new: before HELLO is read; old: in offer */
    STOP_AT_PREPARE,
    STOP_AT_PAUSE,
    STOP_AT_ADOPT,
    STOP_AT_LOAD,
    STOP_AT_END /* new: in own; old: once the state is sent */
};

enum rig_way { BY_REFUSING, BY_SILENCE, BY_DEATH };

struct rig_old {
    struct giver *giver;
    struct giver_opts opts;
    struct takeover_fd fds[RIG_FDS_MAX];
    char names[RIG_FDS_MAX][24];
    size_t n_fds, n_streams;
    int thing; /* what all descriptors are */
    enum rig_stop stop;
    enum rig_way way;
    bool reads, left;
    unsigned offers, pauses, resumes;
    char failed[256];
    char version[64];
    size_t n_wanted;
};

struct rig_new {
    struct taker *taker;
    struct taker_opts opts;
    int fds[RIG_FDS_MAX]; /* what it was given */
    size_t n_fds, n_streams;
    int control_fd; /* -1: none yet */
    bool names_good, streams_good;
    enum rig_stop stop;
    enum rig_way way;
    bool owns, gave_up;
    char state[64];
    char why[256];
};

struct rig {
    uv_loop_t loop;
    char dir[64], path[96]; /* dir: empty, it is another process's */
    struct rig_old old;
    struct rig_new new;
    size_t fds_before; /* open descriptors of this process; 0: not looked at in the end */
};

void rig_init(struct rig *r);
/* For a process that is going to die: at the control socket of another, with no directory. */
void rig_init_at(struct rig *r, const char *path);
void rig_listen(struct rig *r);  /* the old one begins to wait, and reads */
void rig_connect(struct rig *r); /* the new one begins */
/* All closed, and as many descriptors open as before. */
void rig_release(struct rig *r);

/* Run until so; false after 20 s. */
bool rig_until(struct rig *r, bool (*is_so)(void *rig));
bool rig_is_settled(void *rig); /* each end that lives here has come to its end */

size_t rig_open_fds(void);

#endif
