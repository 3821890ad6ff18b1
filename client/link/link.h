#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "client/link/agent.h"
#include "client/link/consumer.h"
#include "client/link/keeper.h"
#include "client/link/router.h"
#include "client/link/session.h"
#include "protocol/base/task_group.h"
#include "protocol/laptop.pb.h"
#include "protocol/rdev.pb.h"

namespace rdev::link_process {

struct LinkOptions {
  std::string job;
  Hello hello;
  Timing timing;
};

// The link process without its process: keeps a session with the agent up, and joins to it whoever
// connects.
class Link final : Consumer::Owner, Keeper::Owner {
 public:
  // `agent` must outlive it.
  Link(const asio::any_io_executor& executor, Agent& agent, LinkOptions options);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // run() returns without a word to anybody: another link process takes the session over.
  void hand_over();
  // A process of ours has connected.
  void adopt(base::Fd socket);
  // To be awaited before another is accepted: it does not return once run() hears nobody any more.
  // Who connects then sees the socket close with the process, and starts the next one.
  awaitable<void> room();
  // Until the job is over (Code::kClosed, kNotFound) or end(); everybody has then been told. Not to
  // be cancelled.
  awaitable<Error> run();
  void end(Error why);
  // The network may be another one, or this machine has slept: why, in a few words.
  void network_changed(const std::string& what) { keeper_.network_changed(what); }

  LinkStatus status() const;

 private:
  void on_control(Consumer& consumer, const Piece& frame) override;
  void on_frames(Consumer& consumer) override;
  std::size_t most_waiting() const override { return router_.portion(); }
  void on_gone(Consumer& consumer) override;
  void on_up(const Attempt& connection, Session& session) override;
  void on_down(Session& session, const Error& why) override;
  void on_absence(LinkStatus::State state, const std::string& why) override;
  void on_refusal(const Error& why) override;
  void on_job_end(const Error& why) override { end(why); }
  void attach(Consumer& consumer, std::string_view payload);
  static bool is_end(const Error& why);  // of the job

  // Who has started this process, and must hear why it ends.
  awaitable<Result<void>> somebody_came();
  awaitable<Result<void>> everybody_gone();
  void came_up(const Welcome& welcome);
  std::string attached() const;  // the message of that name, as things are now; while UP
  void went_down(const Error& why);
  // Streams of processes that never come (again) must not stay in the job.
  awaitable<void> forget_strangers();
  awaitable<Result<void>> said_goodbye();
  // Everybody in `state`.
  void lose(Consumer::State state, const std::string& reason, bool final);
  void set_state(LinkStatus::State state, const std::string& reason);

  asio::any_io_executor executor_;
  const LinkOptions options_;
  base::TaskGroup tasks_;
  Router router_;
  Keeper keeper_;
  std::list<std::shared_ptr<Consumer>> consumers_;

  LinkStatus::State state_ = LinkStatus::DIALLING;
  std::int64_t since_unix_ms_ = 0;
  std::string reason_;
  std::string logged_;
  std::string endpoint_;
  Welcome welcome_;  // while UP
  Session* session_ = nullptr;
  std::optional<Vitals> vitals_;  // of the last session, too
  std::int64_t vitals_unix_ms_ = 0;
  std::uint32_t connections_ = 0;
  std::optional<Error> over_;
  bool handing_over_ = false;
  bool awaited_ = true;   // nobody has come yet
  bool deaf_ = false;     // run() is about to return
  base::Notify changed_;  // over_, awaited_, or consumers_ has become empty
};

}  // namespace rdev::link_process
