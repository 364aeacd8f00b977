/**
 * statsd_exporter: its flags, and what it does where a flag is not given.
 *
 *   convert_flags
 *     take_flag      one flag with its value: follows its row of rivals.h, unless it is one of
 *                    `held`, which mean something together
 *     put_defaults   what statsd_exporter does without being told
 */
#include "cmd/convert/convert.h"

#include <stdlib.h>

/* Flags that are put together when all are read. */
enum { UDP, TCP, UNIXGRAM, MODE, WEB, HELD };
static const char *const held[HELD] = { "statsd.listen-udp", "statsd.listen-tcp",
                                        "statsd.listen-unixgram", "statsd.unixsocket-mode",
                                        "web.listen-address" };

/* Styles of tags in names; statsd_exporter reads these three unless told not to. */
enum { STYLES = 3 };
static const char *const styles[STYLES] = { "statsd.parse-librato-tags",
                                            "statsd.parse-influxdb-tags",
                                            "statsd.parse-signalfx-tags" };

struct flags {
    const char *value[HELD]; /* NULL: not given */
    struct place place[HELD];
    bool style[STYLES];
    struct place style_place;
};

static bool is_flag(const char *name, const struct rival *r)
{
    return r != NULL && strcmp(r->name, name) == 0;
}

/* returns  whether the flag is one of those that are put together later */
static bool hold(struct flags *f, struct place at, const struct rival *r, const char *value)
{
    for (unsigned i = 0; i < HELD; i++) {
        if (is_flag(held[i], r)) {
            f->value[i] = value;
            f->place[i] = at;
            return true;
        }
    }
    for (unsigned i = 0; i < STYLES; i++) {
        bool off = strncmp(r->name, "no-", 3) == 0;
        if (strcmp(r->name + (off ? 3 : 0), styles[i]) == 0) {
            f->style[i] = !off && strcmp(value, "false") != 0;
            f->style_place = at;
            return true;
        }
    }
    return false;
}

/* words->at[i] begins with '-'.  returns  how many words were read */
static size_t take_flag(struct convert *c, struct flags *f, const struct words *words, size_t i)
{
    const struct word *w = &words->at[i];
    struct slice value = slice_str(w->text), name = value;
    bool has_value = slice_cut(&value, '=', &name);
    const struct rival *r = rival_find_of(RIVAL_STATSD_EXPORTER, name);
    char *key = strndup(name.ptr, name.len);
    struct place at = { key, w->line, w->file };
    size_t used = 1;
    const char *text = has_value ? value.ptr : "";
    if (r != NULL && rival_takes_value(r) && !has_value && i + 1 < words->n &&
        words->at[i + 1].text[0] != '-') {
        text = words->at[i + 1].text;
        used = 2;
    }
    if (r == NULL || (name.len > 1 && name.ptr[1] != '-'))
        convert_note(c, at, "not an option of statsd_exporter, so nothing is done for it");
    else if (rival_takes_value(r) && !has_value && used == 1)
        convert_mistake(c, at, "its value is missing; write %s=VALUE", key);
    else if (hold(f, (struct place){ r->name, w->line, w->file }, r, text))
        ;
    else if (r->takes != RIVAL_SWITCH || strcmp(text, "false") != 0)
        convert_rival(c, at, r, text);
    free(key);
    return used;
}

static void put_held(struct convert *c, const struct flags *f, unsigned which, const char *def)
{
    const struct rival *r = rival_find_of(RIVAL_STATSD_EXPORTER, slice_str(held[which]));
    const char *value = f->value[which] != NULL ? f->value[which] : def;
    struct place at = f->value[which] != NULL
                          ? f->place[which]
                          : (struct place){ "what statsd_exporter does unasked", 0, NULL };
    if (value[0] != '\0')
        convert_rival(c, at, r, value);
    else if (which == WEB)
        convert_set(c, at, OPTION_http_listen, SLICE_LIT(""));
}

static bool is_off(const struct flags *f, unsigned which)
{
    return f->value[which] != NULL && f->value[which][0] == '\0';
}

static void put_unixgram(struct convert *c, const struct flags *f)
{
    struct buf url = { 0 };
    if (f->value[UNIXGRAM] == NULL || f->value[UNIXGRAM][0] == '\0') {
        if (is_off(f, UDP) && is_off(f, TCP))
            convert_note(c, f->place[UDP],
                         "off there, and no other socket is on; here one always is: "
                         "udp://127.0.0.1:8125 unless listen.socket says something else");
        return;
    }
    buf_printf(&url, "unixgram://%s?mode=%s", f->value[UNIXGRAM],
               f->value[MODE] != NULL ? f->value[MODE] : "755");
    convert_set(c, f->place[UNIXGRAM], OPTION_listen_socket, buf_slice(&url));
    buf_release(&url);
}

static void put_styles(struct convert *c, const struct flags *f)
{
    struct buf words = { 0 };
    for (unsigned i = 0; i < STYLES; i++) {
        const struct rival *r = rival_find_of(RIVAL_STATSD_EXPORTER, slice_str(styles[i]));
        if (f->style[i] && words.len > 0)
            buf_append_char(&words, ',');
        if (f->style[i])
            rival_value(r, NULL, &words);
    }
    convert_set(c, f->style_place, OPTION_protocol_name_tags, buf_slice(&words));
    buf_release(&words);
}

static void put_defaults(struct convert *c)
{
    static const struct place unasked = { "what statsd_exporter does unasked", 0, NULL };
    static const struct {
        enum option_id id;
        const char *value;
    } rows[] = {
        { OPTION_protocol_gauge_sign, "delta" },
        { OPTION_protocol_origin_tags, "on" },
        { OPTION_aggregate_ttl, "0" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        convert_set(c, unasked, rows[i].id, slice_str(rows[i].value));
}

/* "-/bin/x" is systemd's way to say that a command may fail, "---" YAML's to begin a document. */
static bool looks_like_flag(const char *text)
{
    return text[0] == '-' && text[1] != '\0' && text[1] != '/' && strcmp(text, "--") != 0 &&
           strcmp(text, "---") != 0;
}

void convert_flags(struct convert *c, const struct words *words)
{
    struct flags f = { .style = { true, true, true },
                       .style_place = { "what statsd_exporter does unasked", 0, NULL } };
    size_t flags = 0;
    for (size_t i = 0; i < words->n;) {
        bool flag = looks_like_flag(words->at[i].text);
        i += flag ? take_flag(c, &f, words, i) : 1;
        flags += flag;
    }
    if (flags == 0)
        convert_note(c, (struct place){ c->file, 0, NULL },
                     "has no flag in it; this is what statsd_exporter does without any");
    put_held(c, &f, UDP, ":9125");
    put_held(c, &f, TCP, ":9125");
    put_held(c, &f, WEB, ":9102");
    put_unixgram(c, &f);
    put_styles(c, &f);
    put_defaults(c);
}
