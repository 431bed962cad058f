// An executor of a loop that takes every caller for one on the loop, as agent/ is always called there: what
// is dispatched runs at once. What is posted waits until the case runs the loop.
#pragma once

#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace rancher_cnode::agent::test {

class InlineExecutor {
 public:
  explicit InlineExecutor(boost::asio::io_context& loop) noexcept : loop_(&loop) {}

  [[nodiscard]] boost::asio::io_context& query(boost::asio::execution::context_t) const noexcept {
    return *loop_;
  }
  [[nodiscard]] auto require(boost::asio::execution::blocking_t::never_t) const noexcept {
    return with(Blocking::never);
  }
  [[nodiscard]] auto require(boost::asio::execution::blocking_t::possibly_t) const noexcept {
    return with(Blocking::possibly);
  }
  template <class Work>
  void execute(Work&& work) const {
    if (blocking_ == Blocking::never) {
      boost::asio::post(*loop_, std::forward<Work>(work));
    } else {
      std::forward<Work>(work)();
    }
  }
  friend bool operator==(const InlineExecutor&, const InlineExecutor&) noexcept = default;

 private:
  enum class Blocking { possibly, never };

  [[nodiscard]] InlineExecutor with(Blocking blocking) const noexcept {
    InlineExecutor other = *this;
    other.blocking_ = blocking;
    return other;
  }

  boost::asio::io_context* loop_;
  Blocking blocking_ = Blocking::possibly;
};

}  // namespace rancher_cnode::agent::test
