/* in_child: what cannot be taken back is tried in a process of its own. */
#ifndef SUPPORT_IN_CHILD_H
#define SUPPORT_IN_CHILD_H

#include <sys/wait.h>
#include <unistd.h>

/* returns  what `run` returned (0 to 255), or -N: signal N ended it */
static inline int in_child(int (*run)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(run());
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 255;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
