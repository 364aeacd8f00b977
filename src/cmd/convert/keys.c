#include "cmd/convert/convert.h"

#include "base/number.h"
#include "config/escape.h"

struct place convert_place(const struct tree *t)
{
    const char *key = t != NULL && t->key != NULL ? t->key : "an element"; /* of a list */
    return (struct place){ key, t != NULL ? t->line : 0, NULL };
}

const char *convert_text(struct convert *c, const struct tree *t)
{
    if (t == NULL || t->kind == TREE_NULL)
        return NULL;
    if (t->kind == TREE_TEXT)
        return t->text;
    if (t->kind == TREE_CODE)
        convert_note(c, convert_place(t),
                     "this is code, not a literal, and is not run here; write what it gives");
    else
        convert_mistake(c, convert_place(t), "is a %s; a single value is expected here",
                        t->kind == TREE_LIST ? "list" : "map");
    return NULL;
}

/* What the option has to be is known, its value is not. */
static void note_code(struct convert *c, const struct tree *t, enum option_id id)
{
    struct buf text = { 0 };
    escape_short(slice_str(t->text), &text);
    buf_printf(&text,
               " is code, not a literal, and is not run here; write what it gives as %s.%s%c",
               options_table[id].section, options_table[id].key, '\0');
    convert_note(c, convert_place(t), text.ptr);
    buf_release(&text);
}

void convert_key(struct convert *c, enum rival_server server, const struct tree *t)
{
    const struct rival *r = rival_find_of(server, slice_str(t->key));
    struct place at = convert_place(t);
    struct buf value = { 0 };
    if (t->kind == TREE_NULL || (r != NULL && r->takes == RIVAL_SWITCH && tree_is_false(t)))
        return;
    if (r == NULL) {
        convert_note(c, at, "not known, so nothing is done for it");
        return;
    }
    if (t->kind == TREE_CODE && r->option != OPTION_COUNT) {
        note_code(c, t, r->option);
        return;
    }
    if (r->value != NULL && r->takes != RIVAL_UNUSED) {
        const char *text = convert_text(c, t);
        if (text == NULL)
            return;
        buf_append_str(&value, text);
    }
    buf_append_char(&value, '\0');
    if (r->takes == RIVAL_SWITCH && r->value != NULL && !tree_is_true(t))
        convert_mistake(c, at, "'%s' is neither true nor false", value.ptr);
    else
        convert_rival(c, at, r, value.ptr);
    buf_release(&value);
}

bool quantiles_add(struct quantiles *q, double v)
{
    size_t i = 0;
    while (i < q->n && q->at[i] < v)
        i++;
    if (i < q->n && q->at[i] == v)
        return true;
    if (q->n == CONVERT_QUANTILES_MAX)
        return false;
    memmove(&q->at[i + 1], &q->at[i], (q->n - i) * sizeof q->at[0]);
    q->at[i] = v;
    q->n++;
    return true;
}

void quantiles_set(struct convert *c, struct place at, const struct quantiles *q)
{
    struct buf list = { 0 };
    for (size_t i = 0; i < q->n; i++) {
        if (i > 0)
            buf_append_char(&list, ',');
        buf_reserve(&list, NUMBER_TEXT_MAX);
        list.len += number_print(list.ptr + list.len, q->at[i]);
    }
    if (q->n > 0)
        convert_set(c, at, OPTION_aggregate_quantiles, buf_slice(&list));
    buf_release(&list);
}

void convert_address(const char *host, const char *port, struct buf *out)
{
    bool brackets = strchr(host, ':') != NULL && host[0] != '[';
    buf_printf(out, brackets ? "[%s]:%s" : "%s:%s", host, port);
}

void convert_udp(struct convert *c, struct place at, const char *host, const char *port)
{
    struct buf url = { 0 };
    buf_append_str(&url, "udp://");
    convert_address(host, port, &url);
    convert_set(c, at, OPTION_listen_socket, buf_slice(&url));
    buf_release(&url);
}
