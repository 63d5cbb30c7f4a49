/*
 * token.h - tokens for unit tests: made by tests/scenario/lab/token.sh, in a folder of the test's.
 *
 * Include it once in a test program. The script is found from where make runs the tests; the
 * fault-injecting module lies beside the test programs.
 */
#ifndef TESTS_UNIT_TOKEN_H
#define TESTS_UNIT_TOKEN_H

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

enum { TOKEN_SETTINGS = 8, TOKEN_WORD = 512, TOKEN_MISSING = 77 };

/* What the script said. */
struct token_place {
    char module[TOKEN_WORD];
    char names[TOKEN_SETTINGS][TOKEN_WORD], values[TOKEN_SETTINGS][TOKEN_WORD];
    size_t count;
};

__attribute__((unused)) static void token_take_line(struct token_place *place, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *equals = strchr(line, '=');
    ck_assert_ptr_nonnull(equals);
    *equals = '\0';
    if (strcmp(line, "module") == 0) {
        snprintf(place->module, sizeof(place->module), "%s", equals + 1);
    } else if (strcmp(line, "pid") != 0) {
        ck_assert_uint_lt(place->count, TOKEN_SETTINGS);
        snprintf(place->names[place->count], TOKEN_WORD, "%s", line);
        snprintf(place->values[place->count++], TOKEN_WORD, "%s", equals + 1);
    }
}

/*
 * Run the script with these words. 0, or its exit code; TOKEN_MISSING when what it needs is not
 * installed.
 */
__attribute__((unused)) static int token_script(struct token_place *place, const char *words)
{
    const char *script = getenv("AVOW_TOKEN_SCRIPT");
    char command[2 * PATH_MAX], line[TOKEN_WORD];

    memset(place, 0, sizeof(*place));
    snprintf(command, sizeof(command), "%s %s", script ? script : "tests/scenario/lab/token.sh",
             words);
    FILE *output = popen(command, "re");
    ck_assert_ptr_nonnull(output);
    while (fgets(line, sizeof(line), output))
        token_take_line(place, line);
    int status = pclose(output);
    ck_assert_msg(WIFEXITED(status), "%s", command);
    return WEXITSTATUS(status);
}

/* Where the fault-injecting module is. */
__attribute__((unused)) static void token_fault_module(char path[PATH_MAX + 32])
{
    char program[PATH_MAX];

    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    ck_assert_int_gt(length, 0);
    program[length] = '\0';
    *strrchr(program, '/') = '\0';
    snprintf(path, PATH_MAX + 32, "%s/../faults/token.so", program);
}

/* Write a file in one go, as the fault module wants its orders: under a new name, then renamed. */
__attribute__((unused)) static void token_write(const char *path, const char *text, mode_t mode)
{
    char fresh[PATH_MAX];

    snprintf(fresh, sizeof(fresh), "%s.new", path);
    int descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    ck_assert_int_ge(descriptor, 0);
    ck_assert_int_eq(write(descriptor, text, strlen(text)), strlen(text));
    ck_assert_int_eq(fchmod(descriptor, mode), 0);
    close(descriptor);
    ck_assert_int_eq(rename(fresh, path), 0);
}

#endif
