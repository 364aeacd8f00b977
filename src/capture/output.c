#include "capture/output.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void output_check(const struct output *o)
{
    assert(o->used <= OUTPUT_BUFFER_BYTES && o->used <= o->file_bytes);
    assert(o->file_bytes <= o->bytes && o->waiting <= o->packets);
}

static void append(struct output *o, struct slice bytes)
{
    assert(bytes.len <= OUTPUT_BUFFER_BYTES - o->used);
    memcpy(o->buffer + o->used, bytes.ptr, bytes.len);
    o->used += bytes.len;
    o->file_bytes += bytes.len;
    o->bytes += bytes.len;
}

/* Begin the next file. */
static int begin(struct output *o, int64_t now_ms)
{
    char head[PACKET_FILE_BYTES];
    int rc = capture_files_create(&o->files, now_ms);
    if (rc < 0)
        return rc;
    packet_file_head(head);
    o->file_bytes = 0;
    append(o, slice_of(head, sizeof head));
    append(o, o->begin);
    output_check(o);
    return 0;
}

int output_open(struct output *o, int dir, unsigned max_files, int64_t now_ms)
{
    capture_files_init(&o->files, dir, max_files);
    assert(o->begin.len <= OUTPUT_BEGIN_MAX);
    o->buffer = mem_alloc(OUTPUT_BUFFER_BYTES);
    int rc = begin(o, now_ms);
    if (rc == 0) {
        rc = closer_start(&o->files, &o->closer);
        if (rc < 0)
            capture_files_drop(&o->files);
    }
    if (rc < 0) {
        free(o->buffer);
        o->buffer = NULL;
    }
    return rc;
}

int output_flush(struct output *o)
{
    output_check(o);
    int rc = capture_files_write(&o->files, slice_of(o->buffer, o->used));
    if (rc < 0) {
        o->file_bytes -= o->used;
        o->bytes -= o->used;
        o->packets -= o->waiting;
        o->lost += o->waiting;
    }
    o->used = 0;
    o->waiting = 0;
    return rc;
}

/* The next one is there before the folder is tidied, which counts it. */
static int next_file(struct output *o, int64_t now_ms)
{
    int rc = output_flush(o);
    struct capture_files whole = o->files;
    o->files.fd = -1;
    if (rc == 0)
        rc = begin(o, now_ms);
    closer_give(o->closer, &whole);
    return rc;
}

int output_look(struct output *o)
{
    return closer_look(o->closer, &o->files.n);
}

bool output_is_full(const struct output *o, const struct packet *p)
{
    return o->max_bytes > 0 && o->bytes + PACKET_HEAD_MAX + p->payload.len > o->max_bytes;
}

int output_put(struct output *o, const struct packet *p, int64_t now_ms)
{
    const size_t most = PACKET_HEAD_MAX + p->payload.len;
    int rc = 0;
    assert(o->files.fd >= 0);
    if (o->file_bytes + most > o->max_file_bytes)
        rc = next_file(o, now_ms);
    if (rc == 0 && o->used + most > OUTPUT_BUFFER_BYTES)
        rc = output_flush(o);
    if (rc < 0)
        return rc;
    const size_t n = packet_put(p, o->snaplen, o->buffer + o->used);
    o->used += n;
    o->file_bytes += n;
    o->bytes += n;
    o->packets++;
    o->waiting++;
    output_check(o);
    return 0;
}

int output_close(struct output *o)
{
    int rc = 0;
    if (o->files.fd >= 0) {
        rc = output_flush(o);
        closer_give(o->closer, &o->files);
    }
    int finished = closer_end(o->closer, &o->files.n);
    free(o->buffer);
    o->buffer = NULL;
    return rc == 0 ? finished : rc;
}

void output_drop(struct output *o)
{
    assert(o->packets == 0);
    capture_files_drop(&o->files);
    (void)closer_end(o->closer, &o->files.n);
    free(o->buffer);
    o->buffer = NULL;
}
