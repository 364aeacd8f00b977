/**
 * server_state: a server's state, into a file and out of it.  Private to app/.
 *   thread   control
 */
#ifndef APP_SERVER_STATE_H
#define APP_SERVER_STATE_H

#include "state/state.h"
#include "state/state_file.h"

struct server;

/* What is saved, and the clocks of now. */
struct state_parts server_state_parts(struct server *s);
struct state_clock server_state_clock(struct server *s);

/**
 * server_state_write(s, f), server_state_read(s, f, owner, ret_why):
 * All of it into f->fd, when everything is merged and no sink sends any more; and out of it, before
 * anything is merged.  A state_file without a folder (dir -1) may be memory that is a file.
 *   returns  0, or a negative error; of read with *ret_why, or NULL: then nothing of it is used
 */
int server_state_write(struct server *s, struct state_file *f);
int server_state_read(struct server *s, struct state_file *f, struct state_owner *owner,
                      const char **ret_why);

#endif
