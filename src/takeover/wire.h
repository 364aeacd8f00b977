/**
 * wire: the messages of a takeover, as bytes.  Private to takeover/.
 *
 *     type       from  what                                                       descriptors
 *     HELLO      new   version of its states, its own version, listeners wanted   none
 *     FDS        old   a name for each descriptor; whether more messages follow   1 to WIRE_FDS_MAX
 *     PREPARED   new                                                              none
 *     STREAM     old   a connection: its listener's name, the line begun          1
 *     STATE      old   how many bytes the memfd has                               1
 *     REFUSE     both  why, for people; the link is closed after it               none
 *
 * A message is one packet: a head of 12 bytes (magic, version, type, length of the body), then the
 * body.  Numbers are the machine's own: both ends run on one.  A text is its length in a byte, then
 * its bytes; a list of texts has their number in two bytes before it.  Head and REFUSE are the same
 * in every version, so that two versions can tell each other that they do not agree.
 *
 *   thread   any: no state
 */
#ifndef TAKEOVER_WIRE_H
#define TAKEOVER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    WIRE_VERSION = 1,
    WIRE_FDS_MAX = 253,      /* of one message: SCM_MAX_FD of Linux */
    WIRE_TEXT_MAX = 255,     /* bytes of a text */
    WIRE_BODY_MAX = 80 << 10 /* the longest line begun, and its listener's name, fit */
};

enum wire_type {
    WIRE_HELLO = 1,
    WIRE_FDS,
    WIRE_PREPARED,
    WIRE_STREAM,
    WIRE_STATE,
    WIRE_REFUSE,
    WIRE_TYPE_END
};

struct wire_message {
    enum wire_type type;
    uint32_t state_version;           /* HELLO */
    uint64_t bytes;                   /* STATE */
    bool more;                        /* FDS */
    struct slice text;                /* HELLO: version; STREAM: listener; REFUSE: why */
    struct slice begun;               /* STREAM */
    struct slice texts[WIRE_FDS_MAX]; /* HELLO: wanted; FDS: names */
    size_t n_texts;
};

/**
 * wire_write(m, out):
 * Append the message.
 *   m        texts of at most WIRE_TEXT_MAX bytes; they are cut in REFUSE and in HELLO's version
 *   returns  0; -EMSGSIZE, out is unchanged: the body would be longer than WIRE_BODY_MAX, or a name
 *            is too long
 */
int wire_write(const struct wire_message *m, struct buf *out);

/**
 * wire_read(packet, n_fds, ret):
 *   n_fds    descriptors that came with it
 *   ret      its slices are of the packet
 *   returns  0; -EPROTO: no such message; -EPROTONOSUPPORT: of another version
 */
int wire_read(struct slice packet, size_t n_fds, struct wire_message *ret);

#endif
