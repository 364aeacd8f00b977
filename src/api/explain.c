/* POST /api/v1/explain */
#include <stdlib.h>

#include "api/args.h"
#include "api/jobs.h"
#include "api/json.h"
#include "base/mem.h"
#include "base/now.h"

/*
 * Explaining costs the control thread a millisecond or two for each KiB, and more with the rules of
 * a mapping file; the answer would be longer than an answer can be.  Longer datagrams are for
 * `statsd explain`.
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
    const struct api_explain *ops;
    void *explaining;
};

/* At least one step, however late it is, so that it comes to an end. */
static bool some(void *job, uint64_t until_ns, struct buf *out, enum api_status *ret)
{
    const struct job *j = job;
    *ret = API_200;
    while (j->ops->some(j->explaining, out))
        if (now_mono_ns() >= until_ns)
            return true;
    return false;
}

static void job_free(void *job)
{
    const struct job *j = job;
    j->ops->end(j->explaining);
    free(job);
}

static enum api_status refuse(enum api_status status, const char *error, struct buf *out)
{
    api_json_error(out, (struct slice){ 0 }, slice_str(error));
    return status;
}

enum api_status api_explain_answer(const struct api_ask *ask, struct buf *out)
{
    static const struct api_job_ops ops = { .some = some, .free = job_free };
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
    const struct api_explain *e = &ask->from->explain;
    void *explaining = ask->later != NULL
                           ? e->begin(ask->from->server, ask->body, args.framing, API_ANSWER_BYTES)
                           : NULL;
    if (explaining == NULL)
        return refuse(API_503, "too much is at work; ask again in a second", out);
    struct job *j = mem_zalloc(sizeof *j);
    *j = (struct job){ .ops = e, .explaining = explaining };
    *ask->later = (struct api_later){ &ops, j };
    return API_LATER;
}
