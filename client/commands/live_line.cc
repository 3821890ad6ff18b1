#include "client/commands/live_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "client/link/attach.h"
#include "client/tunnels/saved.h"
#include "client/ui/table.h"
#include "client/ui/units.h"
#include "protocol/base/with_timeout.h"

namespace rdev::commands {
namespace {

constexpr std::chrono::seconds kTick{1};
constexpr char kClearLine[] = "\r\033[K";

std::string count(std::uint64_t number, const std::string& thing) {
  return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

std::optional<std::int64_t> remaining_s(const LiveState& state) {
  if (state.link && state.link->vitals().has_remaining_s()) {
    const std::int64_t age_s = (state.now_unix_ms - state.link->heartbeat_unix_ms()) / 1000;
    return static_cast<std::int64_t>(state.link->vitals().remaining_s()) - age_s;
  }
  return state.ends_unix_s == 0 ? std::nullopt
                                : std::optional(state.ends_unix_s - state.now_unix_ms / 1000);
}

// Cut to the width of the terminal: a line that wraps cannot be redrawn.
std::string fitted(const std::string& text, int fd) {
  winsize size{};
  const bool known = ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  std::size_t columns = known ? size.ws_col - 1U : 79;
  std::size_t end = 0;
  while (end < text.size() && columns > 0) {
    do {
      ++end;
    } while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U);
    --columns;
  }
  return text.substr(0, end);
}

}  // namespace

std::string live_text(const LiveState& state) {
  const bool up = !state.problem && state.link && state.link->state() == LinkStatus::UP;
  std::string text = "up";
  if (!up) {
    text = state.problem ? "no link: " + state.problem->message : "waiting for the link";
  } else if (state.link->has_rtt_us()) {
    const std::uint64_t us = state.link->rtt_us();
    text += " · " + (us < 1000 ? "<1" : std::to_string((us + 500) / 1000)) + " ms";
  }
  std::uint64_t connections = 0;
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  for (const TunnelState& tunnel : state.own) {
    connections += tunnel.connections();
    in += tunnel.bytes_in();
    out += tunnel.bytes_out();
  }
  text += " · " + count(connections, "connection") + " · " + ui::format_bytes(in) + " in · " +
          ui::format_bytes(out) + " out";
  if (state.background > 0) {
    text += " · " + count(state.background, "tunnel");
  }
  if (const auto left = remaining_s(state)) {
    text += " · ends in " + ui::format_age(std::chrono::seconds(std::max<std::int64_t>(*left, 0)));
  }
  return text;
}

LiveLine::LiveLine(const Context& context, const state::JobRecord& record, tunnels::OwnTunnels& own)
    : context_(context), record_(record), own_(own), terminal_(ui::terminal_of(STDERR_FILENO)) {}

LiveLine::~LiveLine() {
  if (!drawn_.empty()) {
    std::fputs(kClearLine, stderr);
  }
}

awaitable<Error> LiveLine::until_over() {
  for (;;) {
    if (terminal_ == ui::Terminal::kYes) {
      co_await draw();
    }
    const auto over = co_await base::with_timeout(own_.over(), kTick, "the job");
    if (over.error().code != Code::kTimeout) {
      co_return over.error();
    }
  }
}

awaitable<void> LiveLine::draw() {
  LiveState state;
  if (auto link = co_await link_process::ask_status(context_.paths, record_.name)) {
    state.link = std::move(*link);
  }
  state.problem = own_.link().up() ? std::nullopt : own_.link().problem();
  state.own = own_.states();
  state.background =
      tunnels::load_tunnels(context_.paths, record_.name).value_or(std::vector<Tunnel>()).size();
  state.now_unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  state.ends_unix_s = record_.ends_unix_s;
  const std::string text = ui::printable(fitted(live_text(state), STDERR_FILENO));
  if (text != drawn_) {
    std::fputs((kClearLine + text).c_str(), stderr);
    drawn_ = text;
  }
}

}  // namespace rdev::commands
