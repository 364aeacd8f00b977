/* POST /api/v1/explain */
#include <assert.h>
#include <stdlib.h>

#include "api/args.h"
#include "api/jobs.h"
#include "api/json.h"
#include "base/mem.h"

/*
 * Explaining costs the control thread a millisecond or two for each KiB, and the answer has up to
 * 64 bytes for each of the datagram's: longer ones are for `statsd explain`.
 */
enum { DATAGRAM_BYTES = 16 << 10 };

struct explain_args {
    enum api_framing framing;
};

static bool read_framing(struct slice value, const struct api_ask *ask, void *to)
{
    static const char *const words[] = {
        [API_FRAMING_DATAGRAM] = "datagram", [API_FRAMING_LINE] = "line", [API_FRAMING_DSD] = "dsd"
    };
    (void)ask;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_eq(value, slice_str(words[i]))) {
            *(enum api_framing *)to = (enum api_framing)i;
            return true;
        }
    return false;
}

/* clang-format off */
static const struct api_arg takes[] = {
    { "framing", "datagram, line or dsd", read_framing,
      offsetof(struct explain_args, framing), false },
};
/* clang-format on */

struct job {
    const struct api_sources *from;
    struct slice datagram; /* the request's */
    enum api_framing framing;
    bool has_json;
};

static void add_text(const struct job *j, struct buf *out)
{
    struct buf text = { 0 };
    j->from->explain(j->from->server, j->datagram, j->framing, API_EXPLAIN_TEXT, &text);
    /* The JSON is one object and a line end: the text becomes its last member. */
    while (out->len > 0 && out->ptr[out->len - 1] != '}')
        out->len--;
    assert(out->len > 0);
    out->len--;
    buf_append_str(out, ",\"text\":");
    api_json_put_take(api_json_text(buf_slice(&text)), out);
    buf_append_str(out, "}\n");
    buf_release(&text);
}

/* Each half is a slice, as long as it takes. */
static bool some(void *job, uint64_t until_ns, struct buf *out, enum api_status *ret)
{
    struct job *j = job;
    (void)until_ns;
    *ret = API_200;
    if (j->has_json) {
        add_text(j, out);
        return false;
    }
    j->from->explain(j->from->server, j->datagram, j->framing, API_EXPLAIN_JSON, out);
    j->has_json = true;
    return true;
}

static enum api_status refuse(enum api_status status, const char *error, struct buf *out)
{
    api_json_error(out, (struct slice){ 0 }, slice_str(error));
    return status;
}

enum api_status api_explain_answer(const struct api_ask *ask, struct buf *out)
{
    static const struct api_job_ops ops = { .some = some, .free = free };
    struct explain_args args = { API_FRAMING_DATAGRAM };
    if (!api_args_read(ask, takes, ARRAY_LEN(takes), &args, out))
        return API_400;
    if (ask->body.len == 0)
        return refuse(API_400, "there is no datagram; send its bytes as the body of the request",
                      out);
    if (ask->body.len > DATAGRAM_BYTES)
        return refuse(API_413,
                      "the datagram is longer than 16 KiB; have `statsd explain` read it, or send "
                      "a part of it",
                      out);
    if (ask->later == NULL)
        return refuse(API_503, "too much is at work; ask again in a second", out);
    struct job *j = mem_zalloc(sizeof *j);
    *j = (struct job){ .from = ask->from, .datagram = ask->body, .framing = args.framing };
    *ask->later = (struct api_later){ &ops, j };
    return API_LATER;
}
