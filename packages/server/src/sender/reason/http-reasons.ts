/** The HTTP answer, by its status and shape (experience.md §6.4). */
import type { Reason } from './reason.ts'

export const httpReasons = {
  'http.redirect': {
    title: 'its address redirects',
    severity: 'error',
    who: 'application_owner',
    cause:
      'A missing slash, http instead of https, or a login wall. A redirect is never followed: a POST would become a GET, or the token would go to another host.',
    remedy: 'Register the address that answers; where it is a login page, exempt the path from it.',
    commands: [{ for: 'oauth2-proxy', run: "--skip-auth-route='POST=^/logout$'" }],
    foreign: { other: ['301 Moved Permanently', '302 Found', '308 Permanent Redirect'] },
  },
  'http.unauthorized': {
    title: 'its address asks for credentials (401)',
    severity: 'error',
    who: 'application_owner',
    cause: 'Basic authentication or an API gateway in front of it.',
    remedy: 'Exempt the path; the logout token is its own proof.',
    foreign: { other: ['401 Unauthorized'] },
  },
  'http.forbidden': {
    title: 'its address forbids the call (403)',
    severity: 'error',
    who: 'application_owner',
    cause: 'A CSRF filter (Django, Spring) or a web application firewall.',
    remedy: 'Exempt the path from the CSRF filter; a call between servers has no cookie and no form token.',
    commands: [
      { for: 'Django', run: '@csrf_exempt' },
      {
        for: 'Spring',
        run: 'http.csrf(csrf -> csrf.ignoringRequestMatchers("/logout/connect/back-channel/*"))',
      },
    ],
    foreign: { other: ['403 Forbidden', 'CSRF verification failed'] },
  },
  'http.not_found': {
    title: 'its address does not exist (404)',
    severity: 'error',
    who: 'application_owner',
    cause: 'The path is wrong, or the application is just being deployed.',
    remedy: 'Register the path of its library.',
    commands: [
      { for: 'Spring', run: '/logout/connect/back-channel/{registrationId}' },
      { for: 'express-openid-connect', run: '/backchannel-logout' },
    ],
    foreign: { other: ['404 Not Found'] },
  },
  'http.method': {
    title: 'its address does not take a POST (405)',
    severity: 'error',
    who: 'application_owner',
    cause: 'The route answers GET only.',
    remedy: 'Let the route take a POST form.',
    foreign: { other: ['405 Method Not Allowed'] },
  },
  'http.media_type': {
    title: 'it does not read the form that is posted to it',
    severity: 'error',
    who: 'application_owner',
    cause: 'No parser for application/x-www-form-urlencoded is installed on the route.',
    remedy: 'Install it before the route.',
    commands: [
      { for: 'Express', run: 'app.use(express.urlencoded({ extended: false }))' },
      { for: 'Fastify', run: "app.register(import('@fastify/formbody'))" },
    ],
    foreign: {
      other: ['415 Unsupported Media Type', 'FST_ERR_CTP_INVALID_MEDIA_TYPE', 'missing logout_token'],
    },
  },
  'http.bad_host': {
    title: 'it does not accept the host name of its address',
    severity: 'error',
    who: 'application_owner',
    cause: 'Django’s ALLOWED_HOSTS lacks the name.',
    remedy: 'Add the host name.',
    commands: [{ for: 'Django', run: "ALLOWED_HOSTS = ['crm.example.com']" }],
    foreign: { other: ['Invalid HTTP_HOST header', 'DisallowedHost'] },
  },
  'http.gone': {
    title: 'its address was withdrawn (410)',
    severity: 'error',
    who: 'application_owner',
    cause: 'The application says that the address will not come back.',
    remedy: 'Register the new one. This delivery stops; later sign-outs still try the address.',
    foreign: { other: ['410 Gone'] },
  },
  'http.rate_limited': {
    title: 'it limits the rate of calls (429)',
    severity: 'error',
    who: 'application_owner',
    cause: 'A rate limiter in front of it.',
    remedy: 'Exempt this server. Retry-After is honoured up to 15 minutes.',
    foreign: { other: ['429 Too Many Requests'] },
  },
  'http.server_error': {
    title: 'it answered with an error of its own (5xx)',
    severity: 'error',
    who: 'application_owner',
    cause: 'A fault in the application, or a gateway without a back end.',
    remedy: 'It is tried again. The start of the answer is kept with the attempt.',
    foreign: {
      other: [
        '500 Internal Server Error',
        '502 Bad Gateway',
        '503 Service Unavailable',
        '504 Gateway Timeout',
      ],
    },
  },
  'http.timeout': {
    title: 'it takes too long to answer',
    severity: 'error',
    who: 'application_owner',
    cause: 'No answer within 5 seconds, or a 408. The sign-out may have been carried out.',
    remedy: 'Answer first and do the work afterwards: 5 seconds to the headers, 10 in all.',
    foreign: {
      node: ['UND_ERR_HEADERS_TIMEOUT'],
      java: ['SocketTimeoutException: Read timed out'],
      other: ['Read timed out'],
    },
  },
  'http.bad_answer': {
    title: 'its answer is not HTTP, or beyond every limit',
    severity: 'error',
    who: 'application_owner',
    cause: 'Another protocol on the port, headers over 16 KB, or endless informational answers.',
    remedy: 'Register the port of the web server.',
    foreign: {
      node: ['HTTPParserError', 'HPE_INVALID_CONSTANT', 'UND_ERR_HEADERS_OVERFLOW'],
      other: ['BadStatusLine'],
    },
  },
  'http.unexpected_status': {
    title: 'it answered with a status that has no meaning here',
    severity: 'error',
    who: 'application_owner',
    cause: 'Neither a yes, nor a no, nor a fault that is known.',
    remedy: 'Look at the status and the answer that are kept with the attempt.',
  },
} as const satisfies Readonly<Record<string, Reason>>
