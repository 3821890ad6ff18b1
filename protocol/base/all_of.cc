#include "protocol/base/all_of.h"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <utility>

namespace rdev::base {
namespace {

struct UntilOneFails {
  asio::cancellation_type operator()(const std::exception_ptr& thrown,
                                     const Result<void>& result) const noexcept {
    return thrown || !result ? asio::cancellation_type::terminal : asio::cancellation_type::none;
  }
};

}  // namespace

awaitable<Result<void>> all_of(std::vector<awaitable<Result<void>>> works) {
  if (works.empty()) {
    co_return Result<void>{};
  }
  const auto executor = co_await asio::this_coro::executor;
  using Work = decltype(asio::co_spawn(executor, std::move(works.front()), asio::deferred));
  std::vector<Work> started;
  started.reserve(works.size());
  for (auto& work : works) {
    started.push_back(asio::co_spawn(executor, std::move(work), asio::deferred));
  }
  auto [order, thrown, results] =
      co_await asio::experimental::make_parallel_group(std::move(started))
          .async_wait(UntilOneFails(), asio::use_awaitable);
  for (const std::size_t i : order) {
    if (thrown[i]) {
      std::rethrow_exception(thrown[i]);
    }
    if (!results[i]) {
      co_return results[i];
    }
  }
  co_return Result<void>{};
}

}  // namespace rdev::base
