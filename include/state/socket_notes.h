/**
 * socket_notes: what a server that hands its sockets on knows of them, beside the sockets: a part
 * of the state, in a takeover alone.
 *
 * A socket is known by its cookie (SO_COOKIE), which no other socket ever has until the machine
 * starts again, and which is the same in both processes.
 *
 *   thread   control
 */
#ifndef STATE_SOCKET_NOTES_H
#define STATE_SOCKET_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/records.h"
#include "base/slice.h"
#include "listen/listener.h"

struct socket_note {
    uint64_t cookie;
    uint32_t drops;              /* datagrams that it dropped, all of them counted already */
    uint64_t file_dev, file_ino; /* as in struct listener */
};

struct socket_notes {
    struct socket_note *at;
    size_t n, cap;
};

/* Of all sockets, as of the last page turn. */
void socket_notes_gather(struct socket_notes *notes, const struct listener *l, size_t n);
void socket_notes_release(struct socket_notes *notes); /* { 0 } has nothing */

/* One record `type` for each:  u64 cookie, u32 drops, u64 dev, u64 ino */
void socket_notes_save(const struct socket_notes *notes, uint8_t type, struct records_writer *to);

/* returns  false: no save has written that */
bool socket_notes_load(struct socket_notes *notes, struct slice body);

/* The one of fd, or NULL. */
const struct socket_note *socket_notes_of(const struct socket_notes *notes, int fd);

#endif
