/*
 *     pack_line   close_open, where the line does not fit -> begin -> the line
 *     pack_whole  close_open -> begin -> the datagram -> close_open
 */
#include "mirror/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { FRAME_HEADER = 4, LONGEST = 65535 + FRAME_HEADER + 1 };

struct pack *pack_new(enum send_framing framing, uint32_t mtu)
{
    struct pack *p = mem_zalloc(sizeof *p);
    p->bytes = mem_alloc(PACK_BYTES);
    p->framing = framing;
    p->mtu = mtu;
    return p;
}

void pack_free(struct pack *p)
{
    if (p == NULL)
        return;
    free(p->bytes);
    free(p);
}

static char *end_of(const struct pack *p)
{
    return p->bytes + p->used + p->open;
}

static void put_length(char *to, uint32_t n)
{
    for (int i = 0; i < FRAME_HEADER; i++)
        to[i] = (char)(unsigned char)(n >> 8 * i);
}

static void close_open(struct pack *p)
{
    if (p->open == 0)
        return;
    if (p->framing == SEND_FRAMES)
        put_length(p->bytes + p->used, p->open - FRAME_HEADER);
    if (p->framing == SEND_LINES && end_of(p)[-1] != '\n')
        p->bytes[p->used + p->open++] = '\n';
    p->at[p->n++] = (struct send_datagram){ p->used, p->open, p->lines };
    p->used += p->open;
    p->amount += p->lines;
    p->open = p->lines = 0;
}

/* returns  false: no room for a further datagram, however long */
static bool begin(struct pack *p)
{
    if (p->n == PACK_DATAGRAMS || PACK_BYTES - p->used < LONGEST)
        return false;
    p->open = p->framing == SEND_FRAMES ? FRAME_HEADER : 0;
    return true;
}

static void append(struct pack *p, struct slice s)
{
    assert(p->used + p->open + s.len < PACK_BYTES);
    slice_put(end_of(p), s);
    p->open += (uint32_t)s.len;
}

bool pack_line(struct pack *p, struct slice line)
{
    assert(line.len > 0 && line.len < LONGEST - FRAME_HEADER);
    if (p->open > 0 && p->open + 1 + line.len > p->mtu)
        close_open(p);
    if (p->open > 0)
        append(p, SLICE_LIT("\n"));
    else if (!begin(p))
        return false;
    append(p, line);
    p->lines++;
    return true;
}

static uint32_t lines_of(struct slice s)
{
    uint32_t n = 1;
    const char *lf = s.ptr, *end = s.ptr + s.len;
    while ((lf = memchr(lf, '\n', (size_t)(end - lf))) != NULL && ++lf < end)
        n++;
    return n;
}

bool pack_whole(struct pack *p, struct slice datagram)
{
    assert(datagram.len > 0 && datagram.len < LONGEST - FRAME_HEADER);
    close_open(p);
    if (!begin(p))
        return false;
    p->lines = lines_of(datagram);
    append(p, datagram);
    close_open(p);
    return true;
}

bool pack_block(struct pack *p, struct send_block *ret)
{
    close_open(p);
    *ret = (struct send_block){ p->bytes, p->at, p->n, p->amount };
    return p->n > 0;
}

void pack_clear(struct pack *p)
{
    assert(p->open == 0);
    p->n = p->used = 0;
    p->amount = 0;
}
