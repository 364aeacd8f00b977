/* GET /api/v1/checks */
#include <assert.h>

#include "api/entries.h"
#include "api/json.h"

static const char *const status_texts[] = { "ok", "warning", "critical", "unknown" };

static bool read_name(struct slice value, const struct api_ask *ask, void *to)
{
    (void)ask;
    *(struct slice *)to = value;
    return true;
}

/* "2" or "critical" */
static bool read_status(struct slice value, const struct api_ask *ask, void *to)
{
    (void)ask;
    for (int i = 0; i < (int)ARRAY_LEN(status_texts); i++) {
        const char digit = (char)('0' + i);
        if (!slice_eq(value, slice_str(status_texts[i])) && !slice_eq(value, slice_of(&digit, 1)))
            continue;
        *(int *)to = i;
        return true;
    }
    return false;
}

/* clang-format off */
static const struct api_arg takes[] = {
    API_FILTER_ARGS,
    { "name", "the name of a check", read_name, offsetof(struct api_filter, name), false },
    { "status", "0 to 3, or ok, warning, critical, unknown",
      read_status, offsetof(struct api_filter, status), false },
};
/* clang-format on */

static void show(const struct event_entry *e, json_t *entry)
{
    assert(e->status < ARRAY_LEN(status_texts));
    api_json_set_text(entry, "check", e->title);
    json_object_set_new(entry, "status", json_integer(e->status));
    api_json_set_text(entry, "status_text", slice_str(status_texts[e->status]));
    api_json_set_text(entry, "message", e->text);
    api_json_set_text(entry, "host", e->hostname);
}

enum api_status api_checks_answer(const struct api_ask *ask, struct buf *out)
{
    static const struct api_listing listing = { "checks", CHECK_ENTRY, show };
    struct api_filter f = API_FILTER_DEFAULTS;
    if (!api_args_read(ask, takes, ARRAY_LEN(takes), &f, out))
        return API_400;
    return api_entries_answer(ask, &listing, &f, out);
}
