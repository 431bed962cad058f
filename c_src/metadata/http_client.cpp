#include "metadata/http_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "metadata/curl_error.hpp"
#include "rancher_cnode/core/regular_file.hpp"

namespace rancher_cnode::metadata {
namespace {

/// Pieces that libcurl hands over are at most this long.
constexpr std::size_t buffer_bytes = CURL_MAX_WRITE_SIZE;
/// All header lines of one answer together; the metadata service sends about 150 bytes.
constexpr std::size_t max_header_bytes = 64U << 10U;
/// Longest wait inside libcurl before give_up is asked again.
constexpr Milliseconds poll_limit{5'000};
/// How long an address is cached: a moved service must be found soon.
constexpr long name_kept_s = 5;

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Multi = std::unique_ptr<CURLM, MultiDeleter>;
using List = std::unique_ptr<curl_slist, ListDeleter>;
struct TextDeleter {
  void operator()(char* text) const { curl_free(text); }
};
using Text = std::unique_ptr<char, TextDeleter>;

/// Once per process, before the first handle. Never undone: an abandoned name lookup may outlive us.
void init_curl() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (done != CURLE_OK) {
    throw std::bad_alloc();
  }
}

template <class Handle>
Handle owned(typename Handle::pointer raw) {
  if (raw == nullptr) {
    throw std::bad_alloc();
  }
  return Handle(raw);
}

}  // namespace

std::string url_escaped(std::string_view text) {
  if (text.empty()) {
    return {};  // libcurl would take the length 0 for one that it has to find out
  }
  return owned<Text>(curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size()))).get();
}

class HttpClient::Connections {
 public:
  explicit Connections(TrustedCertificates named) : trusted(with_those_of_the_system(std::move(named))) {
    init_curl();
    multi = owned<Multi>(curl_multi_init());
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, 2L);
  }
  Multi multi;
  const TrustedCertificates trusted;
};

class HttpAnswer::Transfer {
 public:
  Transfer(CURLM* multi, const TrustedCertificates& trusted, HttpRequest request);
  ~Transfer() { curl_multi_remove_handle(multi_, easy_.get()); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// Drives the transfer until the buffer holds bytes or the transfer is over.
  Expected<void> fill();
  /// Returns the contents of the buffer and empties it.
  std::string_view take() { return {buffer_.data(), std::exchange(size_, 0)}; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] int status() const;

 private:
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t on_header(char*, std::size_t, std::size_t size, void* self);
  static int on_socket(void* self, curl_socket_t, curlsocktype);
  static int on_request(void* self, char*, char*, int, int);
  std::size_t body(const char* data, std::size_t size);
  [[nodiscard]] TimePoint stage_due() const;
  void check_for_end();
  [[nodiscard]] Error reason() const;

  CURLM* multi_;
  HttpRequest request_;
  Easy easy_;
  List headers_;
  std::size_t received_ = 0;
  std::size_t header_bytes_ = 0;
  std::size_t size_ = 0;
  bool paused_ = false;
  const TimePoint begun_ = Clock::now();
  std::optional<TimePoint> sent_at_;
  std::optional<CURLcode> ended_;
  std::array<char, buffer_bytes> buffer_;
};

HttpAnswer::Transfer::Transfer(CURLM* multi, const TrustedCertificates& trusted, HttpRequest request)
    : multi_(multi),
      request_(std::move(request)),
      easy_(owned<Easy>(curl_easy_init())),
      headers_(owned<List>(curl_slist_append(nullptr, "Accept: application/json"))) {
  CURL* easy = easy_.get();
  const Timeouts& timeouts = request_.timeouts;
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_IPRESOLVE, static_cast<long>(CURL_IPRESOLVE_V4));
  curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, name_kept_s);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  if (!trusted.file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, trusted.file.c_str());
  }
  if (!trusted.directory.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAPATH, trusted.directory.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "rancher_cnode");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  // A name lookup that hangs is abandoned, not awaited.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  // For a connection that replaces a dead one; others end by stage_due().
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>((timeouts.lookup + timeouts.connect).count()));
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, &Transfer::on_socket);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, this);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &Transfer::on_request);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  if (curl_multi_add_handle(multi_, easy) != CURLM_OK) {
    ended_ = CURLE_FAILED_INIT;
  }
}

std::size_t HttpAnswer::Transfer::on_body(char* data, std::size_t, std::size_t size, void* self) {
  return static_cast<Transfer*>(self)->body(data, size);
}

std::size_t HttpAnswer::Transfer::on_header(char*, std::size_t, std::size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.header_bytes_ += size;
  return transfer.header_bytes_ <= max_header_bytes ? size : 0;
}

// Before a new connection is made.
int HttpAnswer::Transfer::on_socket(void* self, curl_socket_t, curlsocktype) {
  const auto& transfer = *static_cast<Transfer*>(self);
  const bool again = transfer.sent_at_.has_value();
  return again && transfer.request_.resend == Resend::no ? CURL_SOCKOPT_ERROR : CURL_SOCKOPT_OK;
}

// Once a connection is established or reused.
int HttpAnswer::Transfer::on_request(void* self, char*, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (!transfer.sent_at_) {
    transfer.sent_at_ = Clock::now();
  }
  return CURL_PREREQFUNC_OK;
}

TimePoint HttpAnswer::Transfer::stage_due() const {
  const Timeouts& timeouts = request_.timeouts;
  if (sent_at_) {
    return *sent_at_ + timeouts.answer;
  }
  curl_off_t lookup_us = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_NAMELOOKUP_TIME_T, &lookup_us);
  if (lookup_us == 0) {
    return begun_ + timeouts.lookup;
  }
  return begun_ + std::chrono::microseconds(lookup_us) + timeouts.connect;
}

std::size_t HttpAnswer::Transfer::body(const char* data, std::size_t size) {
  if (size > buffer_.size() - size_) {
    paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  received_ += size;
  if (received_ > request_.body_limit) {
    return 0;
  }
  std::memcpy(buffer_.data() + size_, data, size);
  size_ += size;
  return size;
}

Expected<void> HttpAnswer::Transfer::fill() {
  // libcurl kept what did not fit, and passes it on inside this call.
  if (std::exchange(paused_, false)) {
    if (const CURLcode code = curl_easy_pause(easy_.get(), CURLPAUSE_CONT); code != CURLE_OK) {
      ended_ = code;
    }
  }
  while (size_ == 0 && !ended_) {
    if (request_.give_up && request_.give_up()) {
      return failure(ErrorCode::cancelled, "cancelled");
    }
    int running = 0;
    if (const CURLMcode code = curl_multi_perform(multi_, &running); code != CURLM_OK) {
      return failure(ErrorCode::failed, curl_multi_strerror(code));
    }
    check_for_end();
    if (size_ > 0 || ended_) {
      break;
    }
    const Duration left = stage_due() - Clock::now();
    if (left <= Duration::zero()) {
      ended_ = CURLE_OPERATION_TIMEDOUT;
      break;
    }
    const auto wait = std::min(poll_limit, std::chrono::ceil<Milliseconds>(left));
    if (const CURLMcode code = curl_multi_poll(multi_, nullptr, 0, static_cast<int>(wait.count()), nullptr);
        code != CURLM_OK) {
      return failure(ErrorCode::failed, curl_multi_strerror(code));
    }
  }
  if (size_ == 0 && *ended_ != CURLE_OK) {
    return tl::unexpected<Error>(reason());
  }
  return {};
}

void HttpAnswer::Transfer::check_for_end() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE && message->easy_handle == easy_.get()) {
      ended_ = message->data.result;
    }
  }
}

Error HttpAnswer::Transfer::reason() const {
  if (received_ > request_.body_limit) {
    return {ErrorCode::too_large,
            "the answer is larger than " + std::to_string(request_.body_limit) + " bytes"};
  }
  if (header_bytes_ > max_header_bytes) {
    return {ErrorCode::too_large,
            "the headers are larger than " + std::to_string(max_header_bytes) + " bytes"};
  }
  return curl_error(easy_.get(), *ended_, {request_.timeouts, header_bytes_ + received_});
}

int HttpAnswer::Transfer::status() const {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

HttpAnswer::HttpAnswer(std::unique_ptr<Transfer> transfer) : transfer_(std::move(transfer)) {}
HttpAnswer::~HttpAnswer() = default;
HttpAnswer::HttpAnswer(HttpAnswer&&) noexcept = default;
HttpAnswer& HttpAnswer::operator=(HttpAnswer&&) noexcept = default;

int HttpAnswer::status() const { return transfer_->status(); }

Expected<std::string_view> HttpAnswer::next() {
  if (transfer_->empty()) {
    if (auto filled = transfer_->fill(); !filled) {
      return tl::unexpected<Error>(std::move(filled.error()));
    }
  }
  return transfer_->take();
}

HttpClient::HttpClient(TrustedCertificates trusted)
    : connections_(std::make_unique<Connections>(std::move(trusted))) {}
HttpClient::~HttpClient() = default;

Expected<HttpAnswer> HttpClient::get(HttpRequest request) {
  // libcurl opens whatever is there, and waits for the writer of a FIFO.
  const std::string& certificates = connections_->trusted.file;
  if (request.url.starts_with("https:") && !certificates.empty()) {
    if (const auto file = open_regular_file(certificates); !file) {
      return failure(ErrorCode::failed,
                     "the CA certificates in " + certificates + " cannot be used: " + file.error().message);
    }
  }
  auto transfer = std::make_unique<HttpAnswer::Transfer>(connections_->multi.get(), connections_->trusted,
                                                         std::move(request));
  if (auto begun = transfer->fill(); !begun) {
    return tl::unexpected<Error>(std::move(begun.error()));
  }
  return HttpAnswer(std::move(transfer));
}

void HttpClient::wake() noexcept { curl_multi_wakeup(connections_->multi.get()); }

}  // namespace rancher_cnode::metadata
