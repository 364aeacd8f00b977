#include "cmd/convert/words.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

void words_add(struct words *w, const char *file, struct slice text, unsigned line)
{
    w->at = mem_grow(w->at, &w->cap, w->n + 1, sizeof *w->at);
    w->at[w->n++] = (struct word){ mem_strndup(text.len ? text.ptr : "", text.len), line, file };
}

void words_release(struct words *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->at[i].text);
    free(w->at);
    *w = (struct words){ 0 };
}

static bool is_blank(char c)
{
    return isspace((unsigned char)c) || c == '\0';
}

/* Append what the first byte of s quotes, to the same byte or the end.  returns  bytes read */
static size_t take_quoted(struct slice s, struct buf *out)
{
    char quote = s.ptr[0];
    size_t i = 1;
    for (; i < s.len && s.ptr[i] != quote; i++) {
        if (s.ptr[i] == '\\' && quote == '"' && i + 1 < s.len)
            i++;
        buf_append_char(out, s.ptr[i]);
    }
    return i < s.len ? i + 1 : i;
}

/* Append a word that begins at s.  returns  bytes read */
static size_t take_word(struct slice s, struct buf *out)
{
    size_t i = 0;
    while (i < s.len && !is_blank(s.ptr[i])) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\'')
            i += take_quoted(slice_of(s.ptr + i, s.len - i), out);
        else if (s.ptr[i] == '\\' && i + 1 < s.len && s.ptr[i + 1] != '\n') {
            buf_append_char(out, s.ptr[i + 1]);
            i += 2;
        } else if (s.ptr[i] == '\\')
            break;
        else
            buf_append_char(out, s.ptr[i++]);
    }
    return i;
}

/* Without what a list in brackets leaves behind a word: "--a=b"], --a=[::1]:9125, */
static struct slice without_list(struct slice s)
{
    while (s.len > 0 && (s.ptr[s.len - 1] == ',' ||
                         (s.ptr[s.len - 1] == ']' && memchr(s.ptr, '[', s.len) == NULL)))
        s.len--;
    return s;
}

/* Several words inside of quotes: each that begins with "-" counts, and what follows it. */
static void add_inner(struct words *w, const char *file, struct slice s, unsigned line)
{
    bool begun = false;
    while (s.len > 0) {
        struct slice word = s;
        size_t n = 0;
        while (n < s.len && !is_blank(s.ptr[n]))
            n++;
        word.len = n;
        s = slice_of(s.ptr + n, s.len - n);
        while (s.len > 0 && is_blank(s.ptr[0]))
            s = slice_of(s.ptr + 1, s.len - 1);
        const char *dash = begun ? word.ptr : memchr(word.ptr, '-', word.len);
        if (dash == NULL)
            continue;
        begun = true;
        words_add(w, file, slice_of(dash, (size_t)(word.ptr + word.len - dash)), line);
    }
}

/* "--a --b", ARGS="--a --b", ARGS=--a */
static bool is_several(struct slice s)
{
    size_t name = 0;
    while (name < s.len && (isalnum((unsigned char)s.ptr[name]) || s.ptr[name] == '_'))
        name++;
    if (name > 0 && name + 1 < s.len && s.ptr[name] == '=' && s.ptr[name + 1] == '-')
        return true;
    for (size_t i = 1; i + 1 < s.len; i++) {
        if (is_blank(s.ptr[i - 1]) && s.ptr[i] == '-')
            return true;
    }
    return false;
}

int words_read(struct words *w, const char *file, struct slice text)
{
    unsigned line = 1;
    while (text.len > 0) {
        size_t n = 1;
        if (w->n >= WORDS_MAX)
            return -E2BIG;
        if (text.ptr[0] == '#') {
            while (n < text.len && text.ptr[n] != '\n')
                n++;
        } else if (!is_blank(text.ptr[0]) && memchr("[],\\", text.ptr[0], 4) == NULL) {
            struct buf word = { 0 };
            n = take_word(text, &word);
            struct slice s = without_list(buf_slice(&word));
            if (is_several(s))
                add_inner(w, file, s, line);
            else if (s.len > 0)
                words_add(w, file, s, line);
            buf_release(&word);
        }
        for (size_t i = 0; i < n; i++)
            line += text.ptr[i] == '\n';
        text = slice_of(text.ptr + n, text.len - n);
    }
    return 0;
}
