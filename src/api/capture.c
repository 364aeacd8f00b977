/* GET and POST /api/v1/capture */
#include "api/capture_json.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "api/args.h"
#include "api/jobs.h"
#include "api/json.h"
#include "base/mem.h"
#include "base/number.h"

enum { SECONDS_MAX = 7 * 24 * 3600, NOT_SAID = -1 };

struct asked {
    int on; /* or NOT_SAID */
    struct api_capture_ask ask;
};

json_t *api_capture_json(const struct api_sources *from)
{
    struct api_capture_view v;
    if (from->capture == NULL)
        return json_null();
    from->capture->show(from->capture->cookie, &v);
    json_t *j = json_object();
    json_object_set_new(j, "state", json_string(v.state));
    json_object_set_new(j, "why", v.why != NULL ? json_string(v.why) : json_null());
    json_object_set_new(j, "file", v.file != NULL ? api_json_text(slice_str(v.file)) : json_null());
    json_object_set_new(j, "dir", v.dir != NULL ? api_json_text(slice_str(v.dir)) : json_null());
    json_object_set_new(j, "share", json_real(v.share));
    json_object_set_new(j, "until_s",
                        v.until_ms > 0 ? json_real((double)v.until_ms / 1000) : json_null());
    json_object_set_new(j, "packets", json_integer((json_int_t)v.packets));
    json_object_set_new(j, "bytes", json_integer((json_int_t)v.bytes));
    json_object_set_new(j, "files", json_integer((json_int_t)v.files));
    json_object_set_new(j, "dropped", json_integer((json_int_t)v.dropped));
    return j;
}

/* ---- what is asked for ---- */

static bool read_state(struct slice value, const struct api_ask *ask, void *to)
{
    (void)ask;
    bool on = slice_eq(value, SLICE_LIT("on"));
    *(int *)to = on;
    return on || slice_eq(value, SLICE_LIT("off"));
}

static bool read_seconds(struct slice value, const struct api_ask *ask, void *to)
{
    int64_t n;
    (void)ask;
    if (!number_parse_int(value, &n) || n < 1 || n > SECONDS_MAX)
        return false;
    *(uint64_t *)to = (uint64_t)n;
    return true;
}

static bool read_share(struct slice value, const struct api_ask *ask, void *to)
{
    (void)ask;
    double *share = to;
    return number_parse(value, share) && *share > 0 && *share <= 1;
}

static bool read_bytes(struct slice value, const struct api_ask *ask, void *to)
{
    (void)ask;
    uint64_t *bytes = to;
    return number_parse_size(value, bytes) == 0 && *bytes > 0;
}

/* clang-format off */
static const struct api_arg takes[] = {
    { "state", "on or off", read_state, offsetof(struct asked, on), false },
    { "seconds", "a whole number from 1 to 604800",
      read_seconds, offsetof(struct asked, ask.seconds), false },
    { "share", "a number above 0, at most 1",
      read_share, offsetof(struct asked, ask.share), false },
    { "max_bytes", "a size, such as 64MiB",
      read_bytes, offsetof(struct asked, ask.max_bytes), false },
};
/* clang-format on */

static enum api_status refuse(enum api_status status, const char *argument, const char *error,
                              struct buf *out)
{
    api_json_error(out, argument != NULL ? slice_str(argument) : (struct slice){ 0 },
                   slice_str(error));
    return status;
}

enum api_status api_capture_answer(const struct api_ask *ask, struct buf *out)
{
    if (!api_args_read(ask, NULL, 0, NULL, out))
        return API_400;
    api_json_put_take(api_capture_json(ask->from), out);
    return API_200;
}

/* ---- waiting for the disk ---- */

struct job {
    const struct api_sources *from;
    uint64_t number;
};

static bool waits(const void *job)
{
    const struct job *j = job;
    const char *why;
    return j->from->capture->started(j->from->capture->cookie, j->number, &why) == -EAGAIN;
}

static bool some(void *job, uint64_t until_ns, struct buf *out, enum api_status *ret)
{
    const struct job *j = job;
    const char *why = NULL;
    (void)until_ns;
    if (j->from->capture->started(j->from->capture->cookie, j->number, &why) < 0)
        *ret = refuse(API_409, NULL, why, out);
    else
        api_json_put_take(api_capture_json(j->from), out);
    return false;
}

static enum api_status start(const struct api_ask *ask, const struct api_capture_ask *how,
                             struct buf *out)
{
    static const struct api_job_ops ops = { some, free, waits };
    const struct api_capture *capture = ask->from->capture;
    const char *why = NULL;
    uint64_t number;
    if (ask->later == NULL)
        return refuse(API_503, NULL, "too much is at work; ask again in a second", out);
    if (capture->start(capture->cookie, how, &number, &why) < 0)
        return refuse(API_409, NULL, why, out);
    struct job *j = mem_zalloc(sizeof *j);
    *j = (struct job){ .from = ask->from, .number = number };
    *ask->later = (struct api_later){ &ops, j };
    return API_LATER;
}

enum api_status api_capture_post_answer(const struct api_ask *ask, struct buf *out)
{
    const struct api_capture *capture = ask->from->capture;
    struct asked asked = { .on = NOT_SAID };
    if (!api_args_read(ask, takes, ARRAY_LEN(takes), &asked, out))
        return API_400;
    if (asked.on == NOT_SAID)
        return refuse(API_400, "state", "state is missing: on or off", out);
    if (capture == NULL)
        return refuse(API_409, NULL, "there are no captures here", out);
    if (asked.on != 0)
        return start(ask, &asked.ask, out);
    capture->stop(capture->cookie);
    api_json_put_take(api_capture_json(ask->from), out);
    return API_200;
}
