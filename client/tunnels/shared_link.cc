#include "client/tunnels/shared_link.h"

#include <algorithm>
#include <utility>

#include "protocol/base/log.h"
#include "protocol/base/with_timeout.h"

namespace rdev::tunnels {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxEarly = 256;

// Counts as long as it lives, also when its coroutine is destroyed.
class Counted final {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count_; }

 private:
  std::size_t& count_;
};

}  // namespace

SharedLink::SharedLink(const asio::any_io_executor& executor, Connect connect,
                       SharedLinkOptions options)
    : connect_(std::move(connect)), options_(options), changed_(executor), pause_(executor) {}

awaitable<Error> SharedLink::run() {
  const OnOpen opened = [this](const StreamRequest& request, mux::StreamId parent,
                               std::unique_ptr<link::Offer> offer) {
    on_open(request, parent, std::move(offer));
  };
  auto pause_length = options_.first_pause;
  bool was_short = false;  // the life of the last link
  for (;;) {
    const std::uint64_t attempt = ++attempts_;
    const auto began = Clock::now();
    auto made = co_await connect_(opened);
    const std::string known = problem_ ? problem_->message : "";
    if (made) {
      const std::shared_ptr<Connection> connection = std::move(*made);
      connection_ = connection;
      ++links_;
      problem_.reset();
      changed_.notify();
      base::log_info("the link is up");
      problem_ = co_await connection->lost();
      connection_.reset();
      base::log_warning("the link is lost", {{"reason", problem_->message}});
    } else {
      problem_ = made.error();
      last_failed_ = attempt;
      if (problem_->message != known) {
        base::log_warning("there is no link", {{"reason", problem_->message}});
      }
    }
    if (problem_->code == Code::kClosed || problem_->code == Code::kNotFound) {
      over_ = problem_;
      changed_.notify();
      co_return *over_;
    }
    changed_.notify();
    const bool is_short = Clock::now() - began < options_.first_pause;
    if (made && !(is_short && was_short)) {
      was_short = is_short;
      pause_length = options_.first_pause;
      continue;
    }
    co_await pause(pause_length);
    pause_length = std::min(pause_length * 2, options_.longest_pause);
  }
}

awaitable<void> SharedLink::pause(std::chrono::milliseconds length) {
  const auto began = Clock::now();
  for (;;) {
    const auto end = began + (waiting_ > 0 ? std::min(length, options_.first_pause) : length);
    if (Clock::now() >= end) {
      co_return;
    }
    pause_.expires_at(end);
    co_await pause_.async_wait(use_tuple);  // ends early when a stream begins to wait
  }
}

awaitable<Result<link::Opened>> SharedLink::open(StreamRequest request) {
  std::shared_ptr<Connection> connection = connection_;
  for (;;) {
    if (!connection) {
      auto made = co_await next(nullptr);
      if (!made) {
        co_return tl::make_unexpected(made.error());
      }
      connection = std::move(*made);
    }
    auto opened = co_await connection->open(request);
    if (opened || opened.error().code != Code::kClosed) {
      co_return opened;
    }
    auto made = co_await next(std::move(connection));
    if (!made) {
      co_return tl::make_unexpected(made.error());
    }
    connection = std::move(*made);
  }
}

// Another connection than `lost`.
awaitable<Result<std::shared_ptr<Connection>>> SharedLink::next(std::shared_ptr<Connection> lost) {
  auto made = co_await base::with_timeout(wait_for_next(std::move(lost)), options_.patience,
                                          "waiting for the link");
  if (!made && made.error().code == Code::kTimeout && problem_) {
    co_return prefix(made.error().message, *problem_);
  }
  co_return made;
}

awaitable<Result<std::shared_ptr<Connection>>> SharedLink::wait_for_next(
    std::shared_ptr<Connection> lost) {
  const Counted counted(waiting_);
  pause_.cancel();
  const std::uint64_t begun = attempts_;
  while (!connection_ || connection_ == lost) {
    if (over_) {
      co_return tl::make_unexpected(*over_);
    }
    if (last_failed_ > begun && problem_) {
      co_return tl::make_unexpected(*problem_);
    }
    co_await changed_.wait();
  }
  co_return connection_;
}

awaitable<Result<void>> SharedLink::wait_until_up() {
  while (!connection_) {
    if (over_) {
      co_return tl::make_unexpected(*over_);
    }
    co_await changed_.wait();
  }
  co_return Result<void>{};
}

awaitable<Result<void>> SharedLink::wait_for_links(std::uint64_t known) {
  while (!connection_ || links_ == known) {
    if (over_) {
      co_return tl::make_unexpected(*over_);
    }
    co_await changed_.wait();
  }
  co_return Result<void>{};
}

awaitable<bool> SharedLink::wait_for_another(std::uint64_t known, std::chrono::milliseconds limit) {
  const auto another = co_await base::with_timeout(wait_for_links(known), limit, "the link");
  co_return another.has_value();
}

awaitable<Result<void>> SharedLink::wait_for_first() {
  while (!connection_ && !problem_) {
    co_await changed_.wait();
  }
  co_return Result<void>{};
}

awaitable<Result<void>> SharedLink::first_attempt() {
  // One that takes longer may still come to something.
  (void)co_await base::with_timeout(wait_for_first(), options_.first_limit, "the link");
  if (over_) {
    co_return tl::make_unexpected(*over_);
  }
  co_return Result<void>{};
}

awaitable<Result<link::Opened>> SharedLink::listen(StreamRequest request,
                                                   front::OnAccepted accepted) {
  std::vector<Early> dropped;  // their refusals come last
  const Counted counted(listening_);
  auto opened = co_await open(std::move(request));
  if (opened) {
    accepted_[opened->id] = accepted;
    for (Early& early : early_) {
      if (early.parent == opened->id) {
        accepted(early.accepted, std::move(early.offer));
      }
    }
    std::erase_if(early_, [](const Early& early) { return early.offer == nullptr; });
  }
  if (listening_ == 1) {
    dropped.swap(early_);
  }
  co_return opened;
}

void SharedLink::forget(mux::StreamId id) { accepted_.erase(id); }

awaitable<Error> SharedLink::lost() {
  while (!problem_) {
    co_await changed_.wait();
  }
  co_return *problem_;
}

void SharedLink::on_open(const StreamRequest& request, mux::StreamId parent,
                         std::unique_ptr<link::Offer> offer) {
  if (const auto known = accepted_.find(parent); known != accepted_.end()) {
    const front::OnAccepted accepted = known->second;  // it may forget itself
    accepted(request.accepted(), std::move(offer));
  } else if (listening_ > 0 && early_.size() < kMaxEarly) {
    early_.push_back({.parent = parent, .accepted = request.accepted(), .offer = std::move(offer)});
  } else {
    offer->refuse(stream::Refusal::kProhibited, "nothing listens for it any more");
  }
}

}  // namespace rdev::tunnels
