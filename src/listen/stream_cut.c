/*
 *     stream_cut_push   the front of a line is in the connection's room, or put into s->front:
 *                       gather; then framing_push -> on_piece -> lane; then keep_rest
 *     stream_cut_end    framing_end -> on_piece -> lane
 *     stream_cut_begun, stream_cut_go_on   the front, from one process to the next
 *     find              for the log of refused lines: the line around a byte, and who sent it
 */
#include "listen/stream_cut.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { ROOM_MIN = 64 };

/* Between two pushes: c has a room exactly where it has the front of something. */
static void stream_cut_check(const struct connection *c)
{
    assert((c->room != NULL) == (c->framing.have > 0));
    assert(c->framing.have <= c->room_bytes && c->room_bytes <= FRAMING_ROOM);
}

/* With the room around it that the parser may read; given back by padded_free. */
static char *padded_alloc(size_t bytes)
{
    return (char *)mem_zalloc(PARSE_PAD_BEFORE + bytes + PARSE_PAD_BEHIND) + PARSE_PAD_BEFORE;
}

static void padded_free(char *p)
{
    free(p != NULL ? p - PARSE_PAD_BEFORE : NULL);
}

void stream_cut_init(struct stream_cut *s, const struct source_env *env, enum gauge_sign gauge_sign)
{
    *s = (struct stream_cut){ .lane = env->lane,
                              .refusals = env->refusals,
                              .taps = env->taps,
                              .from = { .gauge_sign = gauge_sign },
                              .read = padded_alloc(STREAM_READ_BYTES),
                              .front = padded_alloc(FRAMING_ROOM) };
}

void stream_cut_release(struct stream_cut *s)
{
    padded_free(s->read);
    padded_free(s->front);
    s->read = s->front = NULL;
}

static bool is_in(const char *ptr, const char *start, size_t n)
{
    return (uintptr_t)ptr - (uintptr_t)start < n;
}

/* As refusals_find. */
static bool find(const void *at_hand, const char *ptr, struct refusal_origin *ret)
{
    const struct stream_cut *s = at_hand;
    if (is_in(ptr, s->read, s->n))
        ret->text = slice_of(s->read, s->n);
    else if (is_in(ptr, s->piece.ptr, s->piece.len))
        ret->text = s->piece;
    else
        return false;
    connection_print_peer(s->at, ret->from);
    return true;
}

/* As in struct taps_from. */
static pid_t find_pid(const void *at_hand, const char *ptr)
{
    const struct stream_cut *s = at_hand;
    (void)ptr;
    return s->at->pid;
}

static void begin(struct stream_cut *s, struct connection *c, size_t n, uint64_t now_ns)
{
    s->at = c;
    s->n = n;
    s->piece = slice_of(NULL, 0);
    refusals_begin(s->refusals, (struct refusals_from){ s->place, find, s });
    (void)taps_begin(
        s->taps, (struct taps_from){
                     .listener = s->place, .flags = TAP_STREAM, .pid = find_pid, .at_hand = s });
    lane_begin(s->lane, &s->from, (struct lane_clock){ .now_ns = now_ns });
}

static void on_piece(void *cookie, const char *ptr, size_t len)
{
    struct stream_cut *s = cookie;
    s->piece = slice_of(ptr, len);
    s->datagrams++;
    bool in_place = is_in(ptr, s->read, s->n);
    const struct lane_datagram d = {
        .ptr = ptr,
        .len = len,
        .padded = in_place || is_in(ptr, s->front, FRAMING_ROOM),
        .sender = s->at->peer.any.sa_family == AF_UNSPEC ? NULL : &s->at->peer.any,
    };
    lane_datagram(s->lane, &d);
    if (in_place)
        return;
    /* It stands where the next front is put together: its samples must not point there. */
    lane_flush(s->lane);
    lane_begin(s->lane, &s->from, (struct lane_clock){ .now_ns = lane_next_ns(s->lane) });
}

/* Choose where the front of c is completed: in its room, if what may be left fits there. */
static void gather(struct stream_cut *s, struct connection *c, size_t n)
{
    struct framing *f = &c->framing;
    if (f->have + n <= c->room_bytes) {
        f->room = c->room;
        return;
    }
    f->room = s->front;
    if (f->have > 0)
        memcpy(s->front, c->room, f->have);
}

static void drop_room(struct connection *c)
{
    free(c->room);
    c->room = NULL;
    c->room_bytes = 0;
}

/* What is left of it becomes c's own, in a room that doubles as it grows.  false: no memory */
static bool keep_rest(struct stream_cut *s, struct connection *c)
{
    struct framing *f = &c->framing;
    if (f->have == 0)
        drop_room(c);
    if (f->have == 0 || f->room != s->front)
        return true;
    uint32_t bytes = c->room_bytes > ROOM_MIN ? c->room_bytes : ROOM_MIN;
    while (bytes < f->have)
        bytes *= 2;
    if (bytes > FRAMING_ROOM)
        bytes = FRAMING_ROOM;
    if (bytes > c->room_bytes) {
        drop_room(c);
        if ((c->room = malloc(bytes)) == NULL) {
            f->have = 0;
            return false;
        }
        c->room_bytes = bytes;
    }
    memcpy(c->room, s->front, f->have);
    return true;
}

/* Errors of the framing are counted with the parser's; the log shows the first of a push. */
static void refuse(struct stream_cut *s, enum reason why, uint32_t n, struct slice shown)
{
    lane_reject(s->lane, why, n);
    s->piece = slice_of(shown.ptr, 1);
    if (s->refusals->wanted >> why & 1)
        refusals_on_rejected(s->refusals, &(struct parse_error){ .reason = why, .line = shown });
}

enum stream_end stream_cut_push(struct stream_cut *s, struct connection *c, size_t n,
                                uint64_t now_ns)
{
    uint32_t errors;
    assert(n > 0 && n <= STREAM_READ_BYTES);
    stream_cut_check(c);
    begin(s, c, n, now_ns);
    gather(s, c, n);
    enum reason why = framing_push(&c->framing, s->read, n, on_piece, s, &errors);
    if (errors > 0)
        refuse(s, why, errors,
               why == REASON_BAD_FRAME ? slice_of(c->framing.room, c->framing.have)
                                       : slice_of(s->read, 0));
    lane_flush(s->lane);
    taps_end(s->taps, n, now_ns);
    bool kept = keep_rest(s, c);
    stream_cut_check(c);
    if (why == REASON_BAD_FRAME)
        return STREAM_END_BAD_FRAME;
    return kept ? STREAM_GOES_ON : STREAM_END_ERROR;
}

/* ---- between two processes: flags, then the front of a line or frame ---- */

enum { BEGUN_ANY = 1, BEGUN_SKIPPING = 2 };

void stream_cut_begun(const struct connection *c, struct buf *out)
{
    stream_cut_check(c);
    int flags = (c->began ? BEGUN_ANY : 0) | (c->framing.skipping ? BEGUN_SKIPPING : 0);
    buf_append_char(out, (char)flags);
    buf_append(out, c->room, c->framing.have);
}

/* The front goes the way it came, and completes nothing. */
enum stream_end stream_cut_go_on(struct stream_cut *s, struct connection *c, uint64_t now_ns)
{
    const struct slice all = buf_slice(&c->begun);
    enum stream_end why = STREAM_GOES_ON;
    if (all.len == 0)
        return why;
    c->began = all.ptr[0] & BEGUN_ANY;
    c->framing.skipping = c->framing.kind == FRAMING_LINE && (all.ptr[0] & BEGUN_SKIPPING);
    for (size_t at = 1, n; at < all.len && why == STREAM_GOES_ON; at += n) {
        n = all.len - at < STREAM_READ_BYTES ? all.len - at : STREAM_READ_BYTES;
        memcpy(s->read, all.ptr + at, n);
        why = stream_cut_push(s, c, n, now_ns);
    }
    buf_release(&c->begun);
    return why;
}

bool stream_cut_end(struct stream_cut *s, struct connection *c, bool clean, uint64_t now_ns)
{
    bool cut = c->framing.have > 0 && !c->framing.broken;
    stream_cut_check(c);
    begin(s, c, 0, now_ns);
    c->framing.room = c->room != NULL ? c->room : s->front;
    if (clean && framing_end(&c->framing, true, on_piece, s) == REASON_BAD_FRAME)
        refuse(s, REASON_BAD_FRAME, 1, slice_of(c->framing.room, 0));
    else if (clean)
        cut = false;
    lane_flush(s->lane);
    taps_end(s->taps, 0, now_ns);
    drop_room(c);
    c->framing.have = 0;
    return cut;
}
