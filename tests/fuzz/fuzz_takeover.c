/*
 * A packet of a takeover; its first byte says how many descriptors came with it: what is read lies
 * in the packet, and written again it is the same packet.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "takeover/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice s, struct slice packet)
{
    assert(s.len == 0 || (s.ptr >= packet.ptr && s.ptr + s.len <= packet.ptr + packet.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_message m;
    struct buf again = { 0 };
    if (size == 0)
        return 0;
    struct slice packet = slice_of((const char *)data + 1, size - 1);
    if (wire_read(packet, data[0], &m) < 0)
        return 0;
    assert(m.type > 0 && m.type < WIRE_TYPE_END && m.n_texts <= WIRE_FDS_MAX);
    check_inside(m.text, packet);
    check_inside(m.begun, packet);
    for (size_t i = 0; i < m.n_texts; i++)
        check_inside(m.texts[i], packet);
    int rc = wire_write(&m, &again);
    assert(rc == 0);
    (void)rc;
    /* A REFUSE may be of another version. */
    assert(m.type == WIRE_REFUSE || slice_eq(buf_slice(&again), packet));
    buf_release(&again);
    return 0;
}
