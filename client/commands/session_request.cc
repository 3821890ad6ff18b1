#include "client/commands/session_request.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "client/templates/job_template.h"
#include "client/terminal/raw_mode.h"

namespace rdev::commands {
namespace {

constexpr char kUsualTerm[] = "xterm";
constexpr std::uint32_t kUsualColumns = 80, kUsualRows = 24;

bool passed_on(std::string_view entry, bool terminal) {
  return entry.starts_with("LANG=") || entry.starts_with("LC_") ||
         (terminal && entry.starts_with("COLORTERM="));
}

Terminal terminal_request() {
  Terminal request;
  const char* term = std::getenv("TERM");
  request.set_term(term != nullptr && *term != '\0' ? term : kUsualTerm);
  const auto size =
      terminal::size_of_terminal({STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
          .value_or(stream::WindowChange{.columns = kUsualColumns, .rows = kUsualRows});
  request.set_columns(size.columns);
  request.set_rows(size.rows);
  request.set_width_px(size.width_px);
  request.set_height_px(size.height_px);
  request.set_modes(terminal::modes_of(STDIN_FILENO));
  return request;
}

}  // namespace

Result<std::vector<std::string>> session_env(const std::vector<std::string>& given, bool terminal) {
  std::vector<std::string> env;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (passed_on(*entry, terminal)) {
      env.emplace_back(*entry);
    }
  }
  for (const std::string& text : given) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (auto checked = templates::check_env_name(name); !checked) {
      return prefix("--env", checked.error());
    }
    if (equals != std::string::npos) {
      env.push_back(text);
    } else if (const char* own = std::getenv(name.c_str())) {
      env.push_back(name + "=" + own);
    }
  }
  return env;
}

Result<Session> session_request(const RemoteCommand& command) {
  auto env = session_env(command.env, command.terminal);
  if (!env) {
    return tl::make_unexpected(env.error());
  }
  Session session;
  session.set_kind(command.argv.empty() ? Session::SHELL : Session::EXEC);
  for (const std::string& word : command.argv) {
    session.add_argv(word);
  }
  for (std::string& entry : *env) {
    session.add_env(std::move(entry));
  }
  session.set_user(command.user);
  if (command.terminal) {
    *session.mutable_terminal() = terminal_request();
  }
  return session;
}

}  // namespace rdev::commands
