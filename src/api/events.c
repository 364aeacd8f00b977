/* GET /api/v1/events */
#include "api/entries.h"
#include "api/json.h"

static bool read_alert_type(struct slice value, const struct api_ask *ask, void *to)
{
    (void)ask;
    *(struct slice *)to = value;
    return slice_eq(value, SLICE_LIT("error")) || slice_eq(value, SLICE_LIT("warning")) ||
           slice_eq(value, SLICE_LIT("info")) || slice_eq(value, SLICE_LIT("success"));
}

static bool read_priority(struct slice value, const struct api_ask *ask, void *to)
{
    (void)ask;
    *(struct slice *)to = value;
    return slice_eq(value, SLICE_LIT("normal")) || slice_eq(value, SLICE_LIT("low"));
}

/* clang-format off */
static const struct api_arg takes[] = {
    API_FILTER_ARGS,
    { "alert_type", "error, warning, info or success",
      read_alert_type, offsetof(struct api_filter, alert_type), false },
    { "priority", "normal or low",
      read_priority, offsetof(struct api_filter, priority), false },
};
/* clang-format on */

static void show(const struct event_entry *e, json_t *entry)
{
    api_json_set_text(entry, "title", e->title);
    api_json_set_text(entry, "text", e->text);
    api_json_set_text(entry, "host", e->hostname);
    api_json_set_text(entry, "aggregation_key", e->aggregation_key);
    api_json_set_text(entry, "source_type", e->source_type);
    api_json_set_text(entry, "priority", slice_str(e->priority));
    api_json_set_text(entry, "alert_type", slice_str(e->alert_type));
}

enum api_status api_events_answer(const struct api_ask *ask, struct buf *out)
{
    static const struct api_listing listing = { "events", EVENT_ENTRY, show };
    struct api_filter f = API_FILTER_DEFAULTS;
    if (!api_args_read(ask, takes, ARRAY_LEN(takes), &f, out))
        return API_400;
    return api_entries_answer(ask, &listing, &f, out);
}
