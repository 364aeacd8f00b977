#include "api/json.h"

#include "base/utf8.h"

static json_t *mended(struct slice s)
{
    struct buf text = { 0 };
    while (s.len > 0) {
        size_t n = utf8_len(s);
        bool valid = n <= s.len && utf8_valid(slice_of(s.ptr, n));
        if (valid)
            buf_append(&text, s.ptr, n);
        else
            buf_append_str(&text, "\xEF\xBF\xBD");
        n = valid ? n : 1;
        s = slice_of(s.ptr + n, s.len - n);
    }
    json_t *j = json_stringn(text.ptr, text.len);
    buf_release(&text);
    return j;
}

json_t *api_json_text(struct slice s)
{
    if (s.len == 0)
        return json_string("");
    return utf8_valid(s) ? json_stringn_nocheck(s.ptr, s.len) : mended(s);
}

void api_json_set_text(json_t *object, const char *key, struct slice s)
{
    if (s.ptr != NULL)
        json_object_set_new(object, key, api_json_text(s));
}

void api_json_set_number(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, json_real(value));
}

void api_json_set_count(json_t *object, const char *key, uint64_t n)
{
    json_object_set_new(object, key, json_integer((json_int_t)n));
}

static int append(const char *bytes, size_t n, void *out)
{
    buf_append(out, bytes, n);
    return 0;
}

void api_json_put_take(json_t *j, struct buf *out)
{
    json_dump_callback(j, append, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_decref(j);
}

void api_json_error(struct buf *out, struct slice argument, struct slice error)
{
    json_t *j = json_object();
    api_json_set_text(j, "error", error);
    api_json_set_text(j, "argument", argument);
    api_json_put_take(j, out);
    buf_append_char(out, '\n');
}
