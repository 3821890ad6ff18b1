#include "client/tunnels/own_tunnels.h"

#include <utility>

#include "client/tunnels/front_keys.h"

namespace rdev::tunnels {

OwnTunnels::OwnTunnels(const asio::any_io_executor& executor, const state::Paths& paths,
                       const std::string& job, Load load)
    : link_(executor, connect_through(paths, job, load), {}),
      set_(executor, link_, job, [=] { return front_keys(paths, job); }),
      changed_(executor),
      tasks_(executor) {
  raise_descriptor_limit();
  tasks_.spawn("link", keep_link());
}

awaitable<void> OwnTunnels::keep_link() {
  over_ = co_await link_.run();
  changed_.notify();
}

awaitable<Result<void>> OwnTunnels::over() {
  while (!over_) {
    co_await changed_.wait();
  }
  co_return tl::make_unexpected(*over_);
}

awaitable<void> OwnTunnels::stop() {
  tasks_.cancel();
  co_await set_.stop();
  co_await tasks_.wait();
}

}  // namespace rdev::tunnels
