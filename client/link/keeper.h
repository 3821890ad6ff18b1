#pragma once

#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "client/link/attempt.h"
#include "client/link/pacing.h"
#include "protocol/laptop.pb.h"

namespace rdev::link_process {

// Sees to it that there is a connection to the agent: when to dial, how many at once, and which one
// is used. At most one session is; while that one is in doubt another connection is made beside it
// and takes its place once it is welcomed.
class Keeper final {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // `session` uses the router from now on. One that went down at the same moment was replaced.
    virtual void on_up(const Attempt& connection, Session& session) = 0;
    virtual void on_down(Session& session, const Error& why) = 0;
    // There is no connection: a try runs, or waits for its time; `why` the last one failed.
    virtual void on_absence(LinkStatus::State state, const std::string& why) = 0;
    // The agent does not want us, which time alone will not change.
    virtual void on_refusal(const Error& why) = 0;
    // The job is over.
    virtual void on_job_end(const Error& why) = 0;
  };

  // All must outlive it.
  Keeper(const asio::any_io_executor& executor, Agent& agent, Router& router, Timing timing,
         Hello hello, Owner& owner);
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Until it is cancelled; all connections are then gone.
  awaitable<void> run();
  // Connections may be dead now, and new ones work: NetworkEvents' words.
  void network_changed(const std::string& what);
  // Somebody waits for the connection: a try now, unless one was just made. False: that one was
  // refused.
  bool try_now();

  // Of the connection that is there but may be dead; empty: it is good.
  std::string doubt() const;
  std::int64_t doubted_unix_ms() const { return doubted_unix_ms_; }

 private:
  using Clock = std::chrono::steady_clock;

  // What has happened is taken note of, and what is due is begun; again after each wake().
  void settle();
  void wake();
  void look_at_current();
  void take_welcomed();
  void look_for_doubt();
  bool is_wanted() const;  // another connection
  Clock::time_point due() const;

  // --- Tries ---
  bool may_begin(Clock::time_point now) const;
  Clock::time_point next_begin() const;
  // Until when that one may be all there is.
  Clock::time_point patience_of(const Attempt& attempt) const;
  void begin();
  void make_room();
  void abandon_others(const Attempt* kept);
  void on_failure(const Error& why);

  // --- Questions to the cluster ---
  // By themselves, whatever the tries do.
  Clock::time_point next_question() const;
  void ask_unless_just_asked();
  void ask();

  awaitable<void> tend(std::shared_ptr<Attempt> attempt);
  awaitable<void> serve(std::shared_ptr<Attempt> connection);
  awaitable<void> ask_cluster();

  asio::any_io_executor executor_;
  Agent& agent_;
  Router& router_;
  const Timing timing_;
  const Hello hello_;
  std::uint64_t hellos_ = 0;  // sent so far
  Owner& owner_;
  base::TaskGroup tasks_;
  asio::steady_timer timer_;  // until the next settle()
  bool unseen_ = false;       // something has happened since it began

  std::shared_ptr<Attempt> current_;  // welcomed, and serving
  std::optional<Error> died_;         // current_, of that
  Clock::time_point up_since_;
  std::int64_t doubted_unix_ms_ = 0;  // current_; 0: it is good

  std::list<std::shared_ptr<Attempt>> attempts_;  // the oldest first
  Pacing pacing_;
  std::minstd_rand random_;
  bool at_once_ = false;  // the next try, whatever others do
  Clock::time_point tried_;
  bool refused_ = false;            // the last try that has ended
  std::string why_;                 // the last try failed
  Clock::duration usual_reach_;     // how long the first answer to a try takes
  Clock::duration round_trip_{};    // of the last connection
  Clock::time_point wanted_since_;  // another connection
  bool asking_ = false;             // the cluster
  Clock::time_point may_ask_;       // from then on
};

}  // namespace rdev::link_process
