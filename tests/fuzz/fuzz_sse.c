/**
 * Any bytes as what a server streams to `statsd tail` and answers to `statsd top`: the events are
 * the same however its pieces are cut, and what they make of a screen fits on it and cannot steer
 * the terminal.  Its first three bytes are the length of a piece and the size of the screen.
 */
#include <assert.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/live/frame.h"
#include "cmd/live/model.h"
#include "cmd/live/plain.h"
#include "cmd/live/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 3, COLUMNS_LEAST = 20, ROWS_LEAST = 5 };

struct seen {
    struct buf all; /* the events, one after the other */
    struct model model;
};

static bool note(void *cookie, struct slice event, struct slice data)
{
    struct seen *s = cookie;
    buf_printf(&s->all, "%zu %zu ", event.len, data.len);
    buf_append_slice(&s->all, event);
    buf_append_slice(&s->all, data);
    (void)model_status(&s->model, data);
    (void)model_conservation(&s->model, data);
    (void)model_top(&s->model, data, (enum model_by)(event.len % BY_COUNT));
    return true;
}

static void check_line(struct slice line)
{
    for (size_t i = 0; i < line.len; i++)
        assert((unsigned char)line.ptr[i] >= ' ' && line.ptr[i] != 0x7f);
}

static void check_frame(const struct seen *s, size_t columns, size_t rows)
{
    struct buf out = { 0 }, key = { 0 };
    struct slice rest, line;
    struct frame_view v = { .url = "http://h", .clock = "", .filter = "", .keys = rows % 2 };
    size_t n = 0;
    frame_put(&s->model, &v, columns, rows, &out);
    for (rest = buf_slice(&out); slice_cut(&rest, '\n', &line); n++) {
        check_line(line);
        assert(plain_put(line, SIZE_MAX, &key) <= columns);
        buf_clear(&key);
    }
    assert(n <= rows && rest.len == 0);
    buf_release(&out);
    buf_release(&key);
}

static void feed(struct seen *s, struct slice stream, size_t step)
{
    struct sse sse = { .on_event = note, .cookie = s };
    for (size_t n; stream.len > 0; stream = slice_of(stream.ptr + n, stream.len - n)) {
        n = stream.len < step ? stream.len : step;
        assert(sse_feed(&sse, slice_of(stream.ptr, n)));
    }
    sse_release(&sse);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool located;
    struct seen whole = { 0 }, cut = { 0 };
    if (size < HEAD)
        return 0;
    if (!located)
        (void)setlocale(LC_CTYPE, "C.UTF-8"); /* NOLINT(concurrency-mt-unsafe) */
    located = true;
    char *exact = malloc(size);
    memcpy(exact, data, size);
    struct slice stream = slice_of(exact + HEAD, size - HEAD);
    feed(&whole, stream, size);
    feed(&cut, stream, 1 + data[0]);
    assert(slice_eq(buf_slice(&whole.all), buf_slice(&cut.all)));
    check_frame(&cut, COLUMNS_LEAST + data[1], ROWS_LEAST + data[2]);
    buf_release(&whole.all);
    buf_release(&cut.all);
    model_release(&whole.model);
    model_release(&cut.model);
    free(exact);
    return 0;
}
