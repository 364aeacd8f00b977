/**
 * reassembly: fragments of IP packets put together.
 *
 * At most REASSEMBLY_OPEN_MAX packets are open; a further one closes the oldest.  One that waits
 * for its rest longer than REASSEMBLY_PATIENCE_NS, by the times of the capture, is given up. 
 * Fragments that overlap are no accident of the field: their packet is dropped, and what else comes
 * of it.  The same bytes seen twice are no overlap (a capture of several interfaces).
 *
 *   source   strangers: any fragment, in any order
 *   thread   one
 */
#ifndef CAPTURE_REASSEMBLY_H
#define CAPTURE_REASSEMBLY_H

#include "capture/frame.h"

enum { REASSEMBLY_OPEN_MAX = 1024, REASSEMBLY_BYTES_MAX = 65535 };
#define REASSEMBLY_PATIENCE_NS UINT64_C(30000000000)

struct reassembly;

struct reassembly *reassembly_new(void);
void reassembly_free(struct reassembly *r); /* NULL is fine */

enum reassembly_result {
    REASSEMBLY_OPEN,    /* kept; more is to come */
    REASSEMBLY_WHOLE,   /* *ret is the packet */
    REASSEMBLY_DROPPED, /* it overlaps, is cut, or too long: its packet is dropped, and counted */
    REASSEMBLY_IGNORED  /* seen before, or of a packet that was dropped */
};

/**
 * reassembly_add(r, f, at_ns, ret):
 *   f        a fragment, copied
 *   at_ns    when it was captured
 *   ret      set with REASSEMBLY_WHOLE alone; its payload is r's until the next call
 *   cost     a look at 4 bytes of each open packet
 */
enum reassembly_result reassembly_add(struct reassembly *r, const struct frame_ip *f,
                                      uint64_t at_ns, struct frame_ip *ret);

/* Packets that were given up, or are still open: their fragments were not all there. */
uint64_t reassembly_incomplete(const struct reassembly *r);

#endif
