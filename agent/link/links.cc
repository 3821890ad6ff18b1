#include "agent/link/links.h"

#include <algorithm>
#include <utility>

#include "agent/link/link.h"
#include "protocol/base/log.h"
#include "protocol/base/with_timeout.h"

namespace rdev::agent_link {
namespace {

constexpr std::chrono::seconds kGoodbye{2};
constexpr std::size_t kMostWaiting = 32;

// A peer that sends no HELLO may not read either.
awaitable<void> turn_away(stream::Stream& carrier, const std::string& why) {
  auto writing = write_frame(carrier, wire::Type::kGoodbye, goodbye(why));
  if (const auto told = co_await base::with_timeout(std::move(writing), kGoodbye, "a goodbye");
      !told) {
    base::log_debug("a goodbye did not arrive", {{"error", told.error().message}});
  }
  carrier.close();
}

}  // namespace

Links::Links(asio::any_io_executor executor, Options options)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      lives_(executor_),
      fewer_(executor_) {}

Links::~Links() = default;

awaitable<void> Links::serve(Peer peer, std::unique_ptr<stream::Offer> offer) {
  const auto carrier = offer->accept();
  auto hello =
      co_await base::with_timeout(read_hello(*carrier), options_.times.hello, "the link's HELLO");
  const auto link = hello ? admit(peer, *hello) : tl::make_unexpected(hello.error());
  if (!link) {
    base::log_info("link refused",
                   {{"remote", peer.remote_address}, {"why", link.error().message}});
    co_await turn_away(*carrier, link.error().message);
    co_return;
  }
  base::log_info("link", {{"remote", peer.remote_address}, {"program", hello->program()}});
  const Error why = co_await (*link)->run(*carrier, *hello);
  base::log_info("link ended", {{"remote", peer.remote_address}, {"why", why.message}});
}

Result<Link*> Links::admit(const Peer& peer, const Hello& hello) {
  if (!stopped_.empty()) {
    return fail(Code::kClosed, stopped_);
  }
  if (auto checked = check_hello(hello, options_.self); !checked) {
    return tl::make_unexpected(checked.error());
  }
  if (Link* const link = find(hello.session_id())) {
    if (!link->belongs_to(peer, hello.session_secret())) {
      return fail(Code::kPermission, "the link's session belongs to somebody else");
    }
    if (link->is_late(hello)) {
      return fail(Code::kClosed, "a later try of the same process has got the session already");
    }
    return link;
  }
  end_former(peer, hello);
  return &begin(peer, hello);
}

Link* Links::find(const std::string& session_id) {
  const auto found = std::find_if(links_.begin(), links_.end(), [&](const auto& link) {
    return link->session_id() == session_id && !link->over();
  });
  return found == links_.end() ? nullptr : found->get();
}

void Links::end_former(const Peer& peer, const Hello& hello) {
  Link* const former = hello.former_id().empty() ? nullptr : find(hello.former_id());
  if (former != nullptr && former->belongs_to(peer, hello.former_secret())) {
    former->end("the laptop has begun another session");
  }
}

Link& Links::begin(const Peer& peer, const Hello& hello) {
  make_room();
  const auto link =
      links_.insert(links_.end(), std::make_unique<Link>(executor_, options_, peer, hello));
  lives_.spawn("a link's session", live(link));
  return **link;
}

// Sessions whose laptop never comes back must not add up.
void Links::make_room() {
  std::size_t waiting = 0;
  Link* longest = nullptr;
  for (const auto& link : links_) {
    if (const auto since = link->waits_since()) {
      ++waiting;
      longest = longest == nullptr || *since < *longest->waits_since() ? link.get() : longest;
    }
  }
  if (waiting >= kMostWaiting) {
    longest->end("too many other sessions wait for their laptops");
  }
}

awaitable<void> Links::live(List::iterator link) {
  const std::string why = co_await (*link)->live();
  base::log_info("a link's session is over", {{"why", why}});
  links_.erase(link);
  fewer_.notify();
}

awaitable<void> Links::stop(std::string reason) {
  stopped_ = std::move(reason);
  for (const auto& link : links_) {
    link->end_after_sessions(stopped_);
  }
  while (!links_.empty()) {
    co_await fewer_.wait();
  }
  co_await lives_.wait();
}

}  // namespace rdev::agent_link
