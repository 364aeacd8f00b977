/*
 * Hints are about text that a stranger wrote: whatever a line is and wherever it is said to be
 * wrong, they look at nothing outside of it (each line stands alone on the heap, for the address
 * sanitizer) and what they say is one line for a terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "explain/hint.h"

enum { LINES = 30000, LINE_LEN = 24 };

static uint64_t random_state = 20240607;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % n;
}

/* Pieces that the rows look for, so that most lines come near one of them. */
static struct slice piece(void)
{
    /* clang-format off */
    const struct slice pieces[] = {
        SLICE_LIT("a"), SLICE_LIT(":"), SLICE_LIT("|"), SLICE_LIT("1"),
        SLICE_LIT("1.5"), SLICE_LIT(","), SLICE_LIT("c"), SLICE_LIT("ms"),
        SLICE_LIT("g"), SLICE_LIT("s"), SLICE_LIT("#"), SLICE_LIT("@"),
        SLICE_LIT("="), SLICE_LIT(" "), SLICE_LIT("+"), SLICE_LIT("-"),
        SLICE_LIT("\\n"), SLICE_LIT("\0"), SLICE_LIT("\xff"), SLICE_LIT("\x1b"),
        SLICE_LIT("_e{"), SLICE_LIT("}:"), SLICE_LIT("_sc|"), SLICE_LIT("nan"),
        SLICE_LIT("%"), SLICE_LIT("/"), SLICE_LIT("T1656581400000"), SLICE_LIT("{"),
        SLICE_LIT("["), SLICE_LIT(";"), SLICE_LIT("\""), SLICE_LIT("counter"),
        SLICE_LIT("e9"), SLICE_LIT("99999999999999999999999999999999999999999"),
    };
    /* clang-format on */
    return pieces[random_below(ARRAY_LEN(pieces))];
}

static void check_text(const struct buf *said)
{
    for (size_t i = 0; i < said->len; i++)
        assert_true((unsigned char)said->ptr[i] >= ' ' && said->ptr[i] != 0x7f);
    assert_true(utf8_valid(buf_slice(said)));
}

static void try_line(const struct config *c, struct slice line)
{
    struct hint_line l;
    struct buf said = { 0 };
    size_t at = random_below(8) == 0 ? SIZE_MAX : random_below((uint32_t)line.len + 1);
    hint_line_cut(c, line, (enum reason)random_below(REASON_COUNT), at, &l);
    hint_error(&l, &said);
    check_text(&said);
    buf_clear(&said);
    hint_line_cut(c, line, REASON_NONE, SIZE_MAX, &l);
    hint_accepted(&l, &said);
    for (size_t i = 0; i < said.len; i++)
        said.ptr[i] = said.ptr[i] == '\n' ? ' ' : said.ptr[i]; /* each ends in one */
    check_text(&said);
    buf_release(&said);
}

static void a_hint_looks_at_its_line_alone(void **state)
{
    (void)state;
    const struct config c = { 0 };
    for (unsigned n = 0; n < LINES; n++) {
        struct buf text = { 0 };
        for (uint32_t pieces = random_below(LINE_LEN); pieces > 0; pieces--)
            buf_append_slice(&text, piece());
        char *alone = mem_alloc(text.len > 0 ? text.len : 1);
        memcpy(alone, text.len > 0 ? text.ptr : "", text.len);
        try_line(&c, slice_of(alone, text.len));
        free(alone);
        buf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_hint_looks_at_its_line_alone) };
    return cmocka_run_group_tests_name("hint", tests, NULL, NULL);
}
