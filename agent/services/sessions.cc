#include "agent/services/sessions.h"

#include "agent/services/child_ends.h"
#include "agent/services/greeting.h"
#include "protocol/base/log.h"

namespace rdev::services {
namespace {

using process::SpawnError;

awaitable<void> end_with(std::unique_ptr<stream::Stream> stream, SpawnError error, bool terminal) {
  const std::string line = "rdev: " + error.message + (terminal ? "\r\n" : "\n");
  // When the peer has gone meanwhile there is nobody to tell.
  (void)co_await stream->write(asio::buffer(line), stream::Lane::kStderr);
  stream->send_event(stream::ExitStatus{.code = static_cast<std::uint32_t>(error.exit_code)});
  stream->write_eof();
  stream->close();
}

void connect(process::Command& command, const ChildPlumbing& plumbing) {
  command.terminal = plumbing.ours.terminal;
  command.in = plumbing.input.get();
  command.out = command.terminal ? command.in : plumbing.output.get();
  command.err = command.terminal ? command.in : plumbing.error.get();
}

}  // namespace

Sessions::Sessions(process::Reaper& reaper, process::JobLimits limits, SessionSettings settings)
    : reaper_(reaper), limits_(std::move(limits)), settings_(std::move(settings)) {}

awaitable<void> Sessions::serve(SessionRequest request, std::unique_ptr<stream::Offer> offer) {
  const auto account = request.user.empty() ? std::optional(settings_.own)
                                            : process::login_account(request.user, settings_.own);
  if (!account) {
    offer->refuse(stream::Refusal::kProhibited, "there is no user " + request.user + " any more");
    co_return;
  }
  if (ending_) {
    offer->refuse(stream::Refusal::kProhibited, "the job is ending");
    co_return;
  }
  const bool terminal = request.terminal.has_value();
  auto planned = plan_session(settings_, *account, request);
  if (!planned) {
    co_await end_with(offer->accept(), planned.error(), terminal);
    co_return;
  }
  auto plumbing =
      terminal ? make_terminal(*request.terminal, account->uid, *planned) : make_pipes();
  if (!plumbing) {
    co_await end_with(offer->accept(), SpawnError{.message = plumbing.error().message}, terminal);
    co_return;
  }
  connect(*planned, *plumbing);
  const bool greets = terminal && request.kind == SessionKind::kShell;
  const std::string home = planned->directory;
  auto stream = offer->accept();
  const auto child =
      co_await process::spawn(reaper_, limits_, *std::move(planned), settings_.spare);
  if (!child) {
    base::log_info("session not started",
                   {{"user", account->name}, {"why", child.error().message}});
    co_await end_with(std::move(stream), child.error(), terminal);
    co_return;
  }
  plumbing->input.reset();
  plumbing->output.reset();
  plumbing->error.reset();
  const auto executor = co_await asio::this_coro::executor;
  Attachment attachment(executor, std::move(stream), *child, std::move(plumbing->ours));
  if (greets) {
    // Only now that the child stands in its home: one that hangs has kept that waiting, not us.
    attachment.greet(greeting({.home = home, .note = settings_.note ? settings_.note() : ""}));
  }
  const auto listed = running_.insert(running_.end(), &attachment);
  co_await attachment.run();
  running_.erase(listed);
}

void Sessions::hang_up() {
  ending_ = true;
  for (Attachment* session : running_) {
    session->hang_up();
  }
}

void Sessions::announce(std::string_view line) {
  for (Attachment* session : running_) {
    session->announce("\r\nrdev: " + std::string(line) + "\r\n");
  }
}

}  // namespace rdev::services
