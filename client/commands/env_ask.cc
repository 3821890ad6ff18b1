#include "client/commands/env_ask.h"

#include <algorithm>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <chrono>
#include <memory>
#include <utility>

#include "protocol/base/with_timeout.h"

namespace rdev::commands {
namespace {

// What start-up files print comes before the first mark; without the second the answer is not
// whole.
constexpr std::string_view kBegin{"\1rdev-env\1"};
constexpr std::string_view kEnd{"\1rdev-env-end\1"};
// A start-up file may have said `set -x`, which must not write between the variables, and may have
// started something, which must not stay.
constexpr char kScript[] =
    "exec 2>/dev/null; printf '\\001rdev-env\\001'; "
    "env -0 || cat /proc/self/environ && printf '\\000\\001rdev-env-end\\001'; kill -9 0";
constexpr std::size_t kMostBytes = std::size_t{4} << 20;
constexpr std::size_t kPieceBytes = std::size_t{16} * 1024;
constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::seconds kEndPatience{1};
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

// A session that ends with this object, and with it what it has started.
class OwnSession final {
 public:
  explicit OwnSession(std::unique_ptr<stream::Stream> stream) : stream_(std::move(stream)) {
    stream_->write_eof();
  }
  OwnSession(const OwnSession&) = delete;
  OwnSession& operator=(const OwnSession&) = delete;
  ~OwnSession() { end(); }

  stream::Stream& stream() { return *stream_; }
  void end() {
    stream_->send_event(stream::Signal{.name = "KILL"});
    stream_->close();
  }

 private:
  std::unique_ptr<stream::Stream> stream_;
};

// Up to `mark`, or to the end of the lane; with an empty mark to the end, whose status must be 0.
awaitable<Result<std::string>> read_answer(stream::Stream& stream, std::string_view mark) {
  std::string text;
  std::string buffer(kPieceBytes, '\0');
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(buffer));
    if (!n) {
      co_return tl::make_unexpected(n.error());
    }
    if (*n == 0) {
      break;
    }
    if (text.size() + *n > kMostBytes) {
      co_return fail(Code::kLimit, "the answer is longer than 4 MiB");
    }
    const std::size_t unseen = text.size() - std::min(text.size(), mark.size());
    text.append(buffer, 0, *n);
    if (!mark.empty() && text.find(mark, unseen) != std::string::npos) {
      co_return text;
    }
  }
  if (mark.empty()) {
    const auto end = co_await stream.read_event();
    const auto* status = end ? std::get_if<stream::ExitStatus>(&*end) : nullptr;
    if (status == nullptr || status->code != 0) {
      co_return fail(Code::kFailed, "the agent did not tell an environment");
    }
  }
  co_return text;
}

awaitable<Result<std::string>> read_and_end(OwnSession& session, std::string_view mark) {
  auto text = co_await read_answer(session.stream(), mark);
  session.end();
  co_return text;
}

// Until the session is ended.
awaitable<void> pass_over_errors(OwnSession& session) {
  std::string buffer(kPieceBytes, '\0');
  for (;;) {
    const auto n = co_await session.stream().read(asio::buffer(buffer), stream::Lane::kStderr);
    if (!n || *n == 0) {
      co_return;
    }
  }
}

awaitable<Result<std::string>> output_of(link_process::Attached& link, Session asked,
                                         std::string_view mark) {
  StreamRequest request;
  *request.mutable_session() = std::move(asked);
  auto opened = co_await link.open(request);
  if (!opened) {
    co_return tl::make_unexpected(opened.error());
  }
  OwnSession session(std::move(opened->stream));
  const auto executor = co_await asio::this_coro::executor;
  // A shell that waits for room for its errors would not come to the answer.
  auto [order, thrown, text, errors_thrown] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, read_and_end(session, mark), asio::deferred),
          asio::co_spawn(executor, pass_over_errors(session), asio::deferred))
          .async_wait(asio::experimental::wait_for_one_error(), asio::use_awaitable);
  for (const auto& exception : {thrown, errors_thrown}) {
    if (exception) {
      std::rethrow_exception(exception);
    }
  }
  co_return std::move(text);
}

// As the agent starts it, without a shell.
awaitable<Result<Variables>> ask_agent(link_process::Attached& link, Session::Kind kind,
                                       Terminals terminals) {
  const auto text = co_await base::with_timeout(output_of(link, session(kind, terminals), {}),
                                                kPatience, "the agent's answer");
  if (!text) {
    co_return tl::make_unexpected(text.error());
  }
  co_return parse_environment(*text);
}

// Nothing when a mark is missing.
std::optional<Variables> between_marks(std::string_view text) {
  const std::size_t begin = text.rfind(kBegin);
  const std::size_t end = text.rfind(kEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
    return std::nullopt;
  }
  text = text.substr(0, end);
  return parse_environment(text.substr(begin + kBegin.size()));
}

// As the user's shell hands it to what it runs; nothing but why when it does not say.
awaitable<Result<SeenEnvironment>> ask_shell(link_process::Attached& link, Terminals terminals) {
  SeenEnvironment seen;
  const auto text = co_await base::with_timeout(
      output_of(link, session(Session::COMMAND, terminals), kEnd), kPatience,
      "the answer of the job's shell, with its start-up files,");
  if (!text && text.error().code != Code::kTimeout && text.error().code != Code::kLimit) {
    co_return tl::make_unexpected(text.error());
  }
  if (auto variables = text ? between_marks(*text) : std::nullopt) {
    seen.variables = *std::move(variables);
    co_return seen;
  }
  const std::string why = text ? "no shell answered: the job has none, or no env and no cat, or a "
                                 "start-up file ends it"
                               : text.error().message;
  auto variables = co_await ask_agent(link, Session::SESSION_ENVIRONMENT, terminals);
  if (!variables) {
    co_return tl::make_unexpected(variables.error());
  }
  seen.note = "as the agent starts a program; " + why;
  seen.variables = *std::move(variables);
  co_return seen;
}

}  // namespace

awaitable<Result<std::vector<SeenEnvironment>>> ask_environments(link_process::Attached& link) {
  std::vector<SeenEnvironment> all;
  for (const auto& [who, terminals] :
       {std::pair("pty", Terminals::kOne), std::pair("exec", Terminals::kNone)}) {
    auto seen = co_await ask_shell(link, terminals);
    if (!seen) {
      co_return prefix(who, seen.error());
    }
    seen->who = who;
    all.push_back(*std::move(seen));
  }
  for (const auto& [who, kind] : {std::pair("sftp", Session::SESSION_ENVIRONMENT),
                                  std::pair("command", Session::JOB_ENVIRONMENT)}) {
    auto variables = co_await ask_agent(link, kind, Terminals::kNone);
    if (!variables) {
      co_return prefix(who, variables.error());
    }
    all.push_back({.who = who, .note = {}, .variables = *std::move(variables)});
  }
  co_return all;
}

awaitable<Result<Variables>> ask_session_environment(link_process::Attached& link) {
  co_return co_await ask_agent(link, Session::SESSION_ENVIRONMENT, Terminals::kNone);
}

awaitable<void> end_interrupted(link_process::Attached& link) {
  // The agent's answer comes after it has read the KILL that went ahead. Over a link that is down
  // there is nothing to be done.
  (void)co_await base::with_timeout(
      output_of(link, session(Session::JOB_ENVIRONMENT, Terminals::kNone), {}), kEndPatience,
      "the end of the sessions");
}

}  // namespace rdev::commands
