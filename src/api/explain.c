/* POST /api/v1/explain */
#include "api/args.h"
#include "api/json.h"

/*
 * Explaining costs the control thread milliseconds for each KiB, and the answer has up to 64 bytes
 * for each of the datagram's: longer ones are for `statsd explain`.
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

enum api_status api_explain_answer(const struct api_ask *ask, struct buf *out)
{
    struct explain_args args = { API_FRAMING_DATAGRAM };
    struct buf text = { 0 };
    if (!api_args_read(ask, takes, ARRAY_LEN(takes), &args, out))
        return API_400;
    if (ask->body.len == 0) {
        api_json_error(
            out, (struct slice){ 0 },
            SLICE_LIT("there is no datagram; send its bytes as the body of the request"));
        return API_400;
    }
    if (ask->body.len > DATAGRAM_BYTES) {
        api_json_error(
            out, (struct slice){ 0 },
            SLICE_LIT("the datagram is longer than 16 KiB; have `statsd explain` read it, "
                      "or send a part of it"));
        return API_413;
    }
    ask->from->explain(ask->from->server, ask->body, args.framing, out, &text);
    /* The JSON is one object and a line end: the text becomes its last member. */
    while (out->len > 0 && out->ptr[out->len - 1] != '}')
        out->len--;
    out->len--;
    buf_append_str(out, ",\"text\":");
    api_json_put_take(api_json_text(buf_slice(&text)), out);
    buf_append_str(out, "}\n");
    buf_release(&text);
    return API_200;
}
