/**
 * join: how a worker comes to a master over TCP: each shows the other that it has the token
 * (token.h).
 *
 *   worker   {"hello": "statsd-bench", "version": 1, "name": "host:PID", "challenge": "..."}
 *   master   {"challenge": "...", "proof": "..."}, or {"error": "..."}
 *   worker   {"proof": "..."}
 */
#ifndef LIVE_JOIN_H
#define LIVE_JOIN_H

#include "token.h"
#include "wire.h"

enum { JOIN_VERSION = 1, JOIN_PORT = 8088, JOIN_NAME_MAX = 64, JOIN_MS = 5000 };

/* The master's side of one worker. */
struct join {
    bool welcomed; /* its hello has been answered */
    char name[JOIN_NAME_MAX];
    char proof[PROOF_TEXT]; /* that it has to show */
};

/* What it says.   returns  1: it is one of us; 0: not yet; -EACCES: it is not, and has been told */
int join_hear(struct join *j, struct wire *w, const struct token *t, const json_t *said);

/* The worker's side; waits.   returns  0, w is open; -errno with error, one line */
int join_master(const char *master, const struct token *t, struct wire *w, struct buf *error);

#endif
