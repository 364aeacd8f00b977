/**
 * choose: which lines or datagrams of the live traffic a mirror takes.  Private to mirror/.
 *
 *   by series     a line whose series the share has (mirror/share.h), an event or service check
 *                 by the hash of its title or name; not what the parser refuses
 *   by datagram   every so-many-th datagram, whatever is in it, or so many bytes of a stream
 *
 * In either case the marks of mirrors (aggregate/marks.h) are taken.
 *
 *   thread   the owner's; no allocation after choose_new
 *   cost     by series about 0.2 us a line; the decisions of the last 65,536 spellings are kept
 */
#ifndef MIRROR_CHOOSE_H
#define MIRROR_CHOOSE_H

#include "base/tap_ring.h"
#include "mirror/opts.h"

/* A line without its LF, or (whole) a datagram as it came. */
typedef void (*chosen_fn)(void *cookie, struct slice bytes, bool whole);

struct choose;

struct choose *choose_new(const struct mirror_opts *opts, chosen_fn fn, void *cookie);
void choose_free(struct choose *c);

/* Call fn with what is taken of a record, in its order.  data: borrowed, and so are the calls' */
void choose_from(struct choose *c, const struct tap_record *rec, const char *data);

#endif
