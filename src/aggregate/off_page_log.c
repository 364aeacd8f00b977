#include "aggregate/off_page_log.h"

#include <assert.h>

#include "base/log.h"

enum { MINUTE_MS = 60000 };

static const char *const remedies[OFF_PAGE_REASON_COUNT] = {
    [OFF_PAGE_RESERVED] = "rename the metric: Prometheus or this server makes series of that name",
    [OFF_PAGE_CONFLICT] =
        "rename one of the two; an idle type gives its name away (prometheus.type_idle)",
    [OFF_PAGE_LIMIT] = "drop a tag of that metric, or raise limits.max_series",
};

static void minute_check(const struct off_page_log *log, enum off_page why)
{
    assert(why < OFF_PAGE_REASON_COUNT);
    assert(log->of[why].lines == 0 || log->of[why].ends_ms > 0);
    assert(log->of[why].not_shown == 0 ||
           log->of[why].lines == log->of[why].not_shown + OFF_PAGE_LOG_LINES);
}

/* If it is over. */
static void end_minute(struct off_page_log *log, enum off_page why, uint64_t now_ms)
{
    minute_check(log, why);
    if (now_ms < log->of[why].ends_ms)
        return;
    if (log->of[why].not_shown > 0)
        LOG(LOG_WARN, "off_page", F_STR("reason", off_page_word(why)),
            F_U64("not_shown", log->of[why].not_shown));
    log->of[why].lines = log->of[why].not_shown = 0;
}

static void write_note(const struct off_page_note *n)
{
    struct log_field fields[8] = {
        F_STR("reason", off_page_word(n->why)),
        F_SLICE("metric", n->metric),
        F_STR("type", family_type_word(n->type)),
        F_SLICE("sent", n->sent),
    };
    size_t count = 4;
    if (n->why == OFF_PAGE_CONFLICT) {
        fields[count++] = (struct log_field)F_SLICE("other", n->other);
        fields[count++] = (struct log_field)F_STR("other_type", family_type_word(n->other_type));
    }
    if (n->taken_over)
        fields[count++] = (struct log_field)F_BOOL("taken_over", true);
    fields[count++] = (struct log_field)F_STR("remedy", remedies[n->why]);
    log_fields(LOG_WARN, "off_page", fields, count);
}

void off_page_log_note(void *cookie, const struct off_page_note *n)
{
    struct off_page_log *log = cookie;
    uint64_t now_ms = (uint64_t)n->last_s * 1000;
    end_minute(log, n->why, now_ms);
    if (log->of[n->why].lines == 0)
        log->of[n->why].ends_ms = now_ms + MINUTE_MS;
    if (log->of[n->why].lines++ < OFF_PAGE_LOG_LINES)
        write_note(n);
    else
        log->of[n->why].not_shown++;
}

void off_page_log_tick(struct off_page_log *log, uint64_t now_ms)
{
    for (int why = 0; why < OFF_PAGE_REASON_COUNT; why++)
        end_minute(log, (enum off_page)why, now_ms);
}
