/* completion.c - completion scripts for bash and zsh, made from the table of verbs. */
#include "avowctl.h"

#include <stdio.h>
#include <string.h>

/* ---- the table as words -----------------------------------------------------------------------
 */

/* Whether a verb before this one begins with the same word. */
static bool is_repeated(size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(verbs[i].first, verbs[index].first) == 0)
            return true;
    }
    return false;
}

static void print_first_words(void)
{
    for (size_t i = 0; i < verb_count; i++) {
        if (!is_repeated(i))
            (void)printf(" %s", verbs[i].first);
    }
}

static void print_second_words(const char *first)
{
    for (size_t i = 0; i < verb_count; i++) {
        if (strcmp(verbs[i].first, first) == 0)
            (void)printf(" %s", verbs[i].second);
    }
}

/* What follows a verb, as words: "FILE [ORIGIN]" is FILE and ORIGIN. */
static void print_arguments(const char *arguments)
{
    for (; *arguments; arguments++) {
        if (*arguments != '[' && *arguments != ']')
            (void)putchar(*arguments);
    }
}

/* Shell code that both shells understand: which words follow those of the array `rest`. It sets
 * `choice` (words to choose from) or `kinds` (what the arguments of the verb are) and `given` (how
 * many of them are there already). */
static void print_cases(void)
{
    (void)printf("    case \"${rest[*]}\" in\n    '') choice='");
    print_first_words();
    (void)printf("' ;;\n");
    for (size_t i = 0; i < verb_count; i++) {
        if (!verbs[i].second || is_repeated(i))
            continue;
        (void)printf("    %s) choice='", verbs[i].first);
        print_second_words(verbs[i].first);
        (void)printf("' ;;\n");
    }
    for (size_t i = 0; i < verb_count; i++) {
        const struct verb *verb = &verbs[i];
        (void)printf("    '%s%s%s' | '%s%s%s '*) kinds='", verb->first, verb->second ? " " : "",
                     verb->second ? verb->second : "", verb->first, verb->second ? " " : "",
                     verb->second ? verb->second : "");
        print_arguments(verb->arguments);
        (void)printf("' given=$((${#rest[@]} - %d)) ;;\n", verb->second ? 2 : 1);
    }
    (void)printf("    esac\n");
}

/* ---- the shells -------------------------------------------------------------------------------
 */

static const char bash_start[] =
    "# bash completion for avowctl(8); made by: avowctl completion bash\n"
    "_avowctl()\n"
    "{\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} choice='' kinds='' given=0 i\n"
    "    local -a rest=() options=()\n"
    "\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        -c | -s)\n"
    "            if ((++i == COMP_CWORD)); then\n"
    "                compopt -o filenames\n"
    "                mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
    "                return\n"
    "            fi\n"
    "            options+=(\"${COMP_WORDS[i - 1]}\" \"${COMP_WORDS[i]}\")\n"
    "            ;;\n"
    "        --json) ;;\n"
    "        *) rest+=(\"${COMP_WORDS[i]}\") ;;\n"
    "        esac\n"
    "    done\n";

static const char bash_end[] =
    "    local -a kind\n"
    "    read -ra kind <<< \"$kinds\"\n"
    "    case ${kind[given]-} in\n"
    "    ZONE) choice=$(avowctl \"${options[@]}\" zone list 2> /dev/null | cut -d ' ' -f 1) ;;\n"
    "    ALGORITHM) choice='hmac-sha256 hmac-sha1 hmac-sha224 hmac-sha384 hmac-sha512' ;;\n"
    "    SHELL) choice='bash zsh' ;;\n"
    "    FILE) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n"
    "    FOLDER) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\") ;;\n"
    "    --*) choice=${kind[given]} ;;\n"
    "    esac\n"
    "    if [[ ${#rest[@]} -eq 0 && $current == -* ]]; then\n"
    "        choice='-c -s --json --help --version'\n"
    "    fi\n"
    "    if [[ $choice ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$choice\" -- \"$current\")\n"
    "    fi\n"
    "}\n"
    "complete -F _avowctl avowctl\n";

static const char zsh_start[] = "#compdef avowctl\n"
                                "# zsh completion for avowctl(8); made by: avowctl completion zsh\n"
                                "_avowctl()\n"
                                "{\n"
                                "    local choice='' kinds='' given=0 i\n"
                                "    local -a rest options kind\n"
                                "\n"
                                "    for ((i = 2; i < CURRENT; i++)); do\n"
                                "        case ${words[i]} in\n"
                                "        -c | -s)\n"
                                "            if ((++i == CURRENT)); then\n"
                                "                _files\n"
                                "                return\n"
                                "            fi\n"
                                "            options+=(\"${words[i - 1]}\" \"${words[i]}\")\n"
                                "            ;;\n"
                                "        --json) ;;\n"
                                "        *) rest+=(\"${words[i]}\") ;;\n"
                                "        esac\n"
                                "    done\n";

static const char zsh_end[] =
    "    kind=(${=kinds})\n"
    "    case ${kind[given + 1]-} in\n"
    "    ZONE) choice=$(avowctl \"${options[@]}\" zone list 2> /dev/null | cut -d ' ' -f 1) ;;\n"
    "    ALGORITHM) choice='hmac-sha256 hmac-sha1 hmac-sha224 hmac-sha384 hmac-sha512' ;;\n"
    "    SHELL) choice='bash zsh' ;;\n"
    "    FILE) _files ;;\n"
    "    FOLDER) _files -/ ;;\n"
    "    --*) choice=${kind[given + 1]} ;;\n"
    "    esac\n"
    "    if ((${#rest} == 0)) && [[ ${words[CURRENT]} == -* ]]; then\n"
    "        choice='-c -s --json --help --version'\n"
    "    fi\n"
    "    if [[ -n $choice ]]; then\n"
    "        compadd -- ${=choice}\n"
    "    fi\n"
    "}\n"
    "if [[ ${funcstack[1]-} == _avowctl ]]; then\n"
    "    _avowctl \"$@\"\n"
    "else\n"
    "    compdef _avowctl avowctl\n"
    "fi\n";

static const struct shell {
    const char *name, *start, *end;
} shells[] = {{"bash", bash_start, bash_end}, {"zsh", zsh_start, zsh_end}};

int run_completion(const struct options *options)
{
    for (size_t i = 0; i < COUNT(shells); i++) {
        if (strcmp(options->words[1], shells[i].name) != 0)
            continue;
        (void)fputs(shells[i].start, stdout);
        print_cases();
        (void)fputs(shells[i].end, stdout);
        return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
    }
    (void)fprintf(stderr, "avowctl: completion is there for bash and zsh, not for %s\n",
                  options->words[1]);
    return EXIT_USAGE;
}
