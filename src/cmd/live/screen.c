#include "cmd/live/screen.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#include <ncurses.h>

static SCREEN *open_screen;

bool screen_open(void)
{
    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
        return false;
    open_screen = newterm(NULL, stdout, stdin);
    if (open_screen == NULL)
        return false;
    (void)cbreak();
    (void)noecho();
    (void)nodelay(stdscr, true);
    (void)keypad(stdscr, true);
    (void)set_escdelay(50);
    (void)curs_set(0);
    return true;
}

void screen_close(void)
{
    (void)endwin();
    delscreen(open_screen);
    open_screen = NULL;
}

void screen_size(size_t *ret_columns, size_t *ret_rows)
{
    *ret_columns = COLS > 0 ? (size_t)COLS : 0;
    *ret_rows = LINES > 0 ? (size_t)LINES : 0;
}

void screen_show(struct slice lines)
{
    struct slice line;
    (void)erase();
    for (int row = 0; slice_cut(&lines, '\n', &line); row++)
        (void)mvaddnstr(row, 0, line.ptr, (int)line.len);
    (void)refresh();
}

void screen_wait(unsigned ms)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    (void)poll(&input, 1, (int)ms); /* a signal (SIGWINCH) ends it too */
}

bool screen_is_gone(void)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    return poll(&input, 1, 0) > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

int screen_key(void)
{
    int key = getch();
    switch (key) {
    case ERR:
        return SCREEN_NO_KEY;
    case KEY_RESIZE:
        return SCREEN_RESIZED;
    case KEY_ENTER:
    case '\r':
        return SCREEN_ENTER;
    case KEY_BACKSPACE:
    case 127:
        return SCREEN_ERASE;
    default:
        return key <= 255 ? key : 0; /* an arrow and the like: no key of ours */
    }
}
