#pragma once

#include <optional>
#include <string>

#include "client/commands/context.h"
#include "client/commands/tunnel_text.h"
#include "client/state/job_record.h"
#include "client/tunnels/own_tunnels.h"
#include "client/ui/progress.h"
#include "protocol/laptop.pb.h"
#include "protocol/rdev.pb.h"

namespace rdev::commands {

// What the line of `rdev connect` says.
struct LiveState {
  std::optional<LinkStatus> link;
  std::optional<Error> problem;  // why there is no link
  TunnelStates own;
  std::size_t background = 0;  // tunnels that the holder has
  std::int64_t now_unix_ms = 0;
  std::int64_t ends_unix_s = 0;  // 0: no end
};
// "up · 12 ms · 3 connections · 1.2 MB in · 300 kB out · 2 tunnels · ends in 3h00m"
std::string live_text(const LiveState& state);

// Redraws that line on a terminal (stderr), at most once a second and only when it has changed.
// Elsewhere it says when the link is lost and up again.
class LiveLine final {
 public:
  LiveLine(const Context& context, const state::JobRecord& record, tunnels::OwnTunnels& own);
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;
  // Leaves the line clean.
  ~LiveLine();

  awaitable<Error> until_over();

 private:
  awaitable<void> draw();

  const Context& context_;
  const state::JobRecord& record_;
  tunnels::OwnTunnels& own_;
  ui::Terminal terminal_;
  std::string drawn_;
};

}  // namespace rdev::commands
