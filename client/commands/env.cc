#include <memory>
#include <utility>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/env_diff.h"
#include "client/commands/interrupt.h"
#include "client/commands/jobs.h"
#include "client/commands/wait_notice.h"
#include "client/link/attach.h"
#include "client/terminal/exit_code.h"

namespace rdev::commands {
namespace {

struct Options {
  std::string action;
  std::string name;
  bool json = false;
  bool show_secrets = false;
};

// What a shell's start-up files print comes before the mark.
constexpr std::string_view kMark{"\1rdev-env\1"};
constexpr char kScript[] =
    "printf '\\001rdev-env\\001'; env -0 2>/dev/null || cat /proc/self/environ";
constexpr std::size_t kMostBytes = std::size_t{4} << 20;
constexpr char kNoOutputProcessing[] = {70, 0, 0, 0, 0, 0};  // OPOST off: bytes as they are

enum class Terminals { kNone, kOne };

Session session(Session::Kind kind, Terminals terminals) {
  Session session;
  session.set_kind(kind);
  if (kind == Session::COMMAND) {
    session.add_argv(kScript);
    // As ssh through `rdev proxy` comes: bash reads its start-up file where it sees these.
    session.add_env("SSH_CLIENT=UNKNOWN 65535 65535");
    session.add_env("SSH_CONNECTION=UNKNOWN 65535 UNKNOWN 65535");
  }
  if (terminals == Terminals::kOne) {
    Terminal& terminal = *session.mutable_terminal();
    terminal.set_term("xterm");
    terminal.set_columns(80);
    terminal.set_rows(24);
    terminal.set_modes({kNoOutputProcessing, sizeof kNoOutputProcessing});
  }
  return session;
}

awaitable<Result<std::string>> read_all(stream::Stream& stream) {
  std::string text;
  std::string buffer(std::size_t{16} * 1024, '\0');
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(buffer));
    if (!n) {
      co_return tl::make_unexpected(n.error());
    }
    if (*n == 0) {
      co_return text;
    }
    if (text.size() + *n > kMostBytes) {
      co_return fail(Code::kLimit, "the answer is longer than 4 MiB");
    }
    text.append(buffer, 0, *n);
  }
}

// What the session writes, all of it; nothing when it does not end with 0.
awaitable<Result<std::optional<std::string>>> output_of(link_process::Attached& link,
                                                        Session session) {
  StreamRequest request;
  *request.mutable_session() = std::move(session);
  const auto opened = co_await link.open(request);
  if (!opened) {
    co_return tl::make_unexpected(opened.error());
  }
  opened->stream->write_eof();
  auto text = co_await read_all(*opened->stream);
  if (!text) {
    co_return tl::make_unexpected(text.error());
  }
  const auto end = co_await opened->stream->read_event();
  if (!end) {
    co_return tl::make_unexpected(end.error());
  }
  const auto* status = std::get_if<stream::ExitStatus>(&*end);
  co_return status != nullptr && status->code == 0 ? std::optional(*std::move(text)) : std::nullopt;
}

// As the agent starts it, without a shell.
awaitable<Result<Variables>> ask_agent(link_process::Attached& link, Session::Kind kind,
                                       Terminals terminals) {
  const auto text = co_await output_of(link, session(kind, terminals));
  if (!text) {
    co_return tl::make_unexpected(text.error());
  }
  if (!*text) {
    co_return fail(Code::kFailed, "the agent did not tell an environment");
  }
  co_return parse_environment(**text);
}

// As the user's shell hands it to what it runs.
awaitable<Result<SeenEnvironment>> ask_shell(link_process::Attached& link, std::string who,
                                             Terminals terminals) {
  SeenEnvironment seen{.who = std::move(who), .note = {}, .variables = {}};
  const auto text = co_await output_of(link, session(Session::COMMAND, terminals));
  if (!text) {
    co_return tl::make_unexpected(text.error());
  }
  const std::size_t mark = *text ? (*text)->rfind(kMark) : std::string::npos;
  if (mark != std::string::npos) {
    seen.variables = parse_environment(std::string_view(**text).substr(mark + kMark.size()));
    co_return seen;
  }
  seen.note = "as the agent starts a program; the job has no shell, or no env and no cat, to ask";
  auto variables = co_await ask_agent(link, Session::SESSION_ENVIRONMENT, terminals);
  if (!variables) {
    co_return tl::make_unexpected(variables.error());
  }
  seen.variables = *std::move(variables);
  co_return seen;
}

awaitable<Result<std::vector<SeenEnvironment>>> ask_all(const state::Paths& paths, std::string name,
                                                        WaitNotice& notice) {
  link_process::AttachOptions options;
  options.what = "env";
  options.waiting = [&notice](const std::string& why) { notice.reason(why); };
  const auto link =
      co_await link_process::Attached::attach(paths, std::move(name), std::move(options));
  if (!link) {
    co_return tl::make_unexpected(link.error());
  }
  std::vector<SeenEnvironment> all;
  for (const auto& [who, terminals] :
       {std::pair("pty", Terminals::kOne), std::pair("exec", Terminals::kNone)}) {
    auto seen = co_await ask_shell(**link, who, terminals);
    if (!seen) {
      co_return prefix(who, seen.error());
    }
    all.push_back(*std::move(seen));
  }
  for (const auto& [who, kind] : {std::pair("sftp", Session::SESSION_ENVIRONMENT),
                                  std::pair("command", Session::JOB_ENVIRONMENT)}) {
    auto variables = co_await ask_agent(**link, kind, Terminals::kNone);
    if (!variables) {
      co_return prefix(who, variables.error());
    }
    all.push_back({.who = who, .note = {}, .variables = *std::move(variables)});
  }
  co_return all;
}

awaitable<Result<int>> diff(Context& context, const Options& options) {
  const auto name = job_name(options.name);
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  int signal = 0;
  WaitNotice notice(context.executor, *name);
  const auto all = co_await interruptible(ask_all(context.paths, *name, notice), &signal);
  co_await notice.end();
  if (signal != 0) {
    co_return 128 + signal;
  }
  if (!all) {
    co_return tl::make_unexpected(all.error());
  }
  EnvDiff found = compare(*all);
  if (!options.show_secrets) {
    mask(found);
  }
  const auto printed = print(options.json ? as_json(*name, *all, found) : as_text(*all, found));
  if (!printed) {
    co_return tl::make_unexpected(printed.error());
  }
  co_return 0;
}

}  // namespace

Run setup_env(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("ACTION", o->action,
                 "diff: how the environments of a terminal, of commands, of SFTP and of the job's "
                 "own command differ")
      ->required()
      ->check(CLI::IsMember({"diff"}));
  app.add_option("NAME", o->name, "The job; by default that of the working directory");
  app.add_flag("--json", o->json, "The result as JSON");
  app.add_flag("--show-secrets", o->show_secrets,
               "Show also values whose names look like a secret's");
  return [o] {
    return run([o](Context& context) { return diff(context, *o); }, terminal::kLinkFailed);
  };
}

}  // namespace rdev::commands
