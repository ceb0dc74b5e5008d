// Two certificates for localhost, each its own authority, good until 2120. Their keys are no
// secret: nothing but the tests has ever shown them.

export interface Pair {
  /** Its subject's common name. */
  readonly name: string;
  readonly certificate: string;
  readonly key: string;
}

export const FIRST: Pair = {
  name: 'first',
  certificate: `-----BEGIN CERTIFICATE-----
MIIBYzCCAQigAwIBAgIEMQmSOTAKBggqhkjOPQQDAjAQMQ4wDAYDVQQDDAVmaXJz
dDAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowEDEOMAwGA1UEAwwF
Zmlyc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATYigZYrvo0ilFzYs8vJ3bZ
5e3c2mUtjy6kr5D75+lZumn/uMHcQmnokjNhDq/AQBxEGdxW3vNG/K6LlOHvcX93
o04wTDAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwDwYDVR0TAQH/BAUwAwEB
/zAdBgNVHQ4EFgQUJhAi6Cy8fZDAEc2LGGUzeUSlRlcwCgYIKoZIzj0EAwIDSQAw
RgIhAK4Aks1L+QB4elCnAzrscfeE9mZfVLL/CiP2Dfl6eG3gAiEAzCDuUr0LL/XA
0/XJRTgajBJpW4T0JFHj9sQtYLaJ/cQ=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglvGE9iSS0xgTpTxg
FB+FKA+EVe/c8YLDsR5IPF++//WhRANCAATYigZYrvo0ilFzYs8vJ3bZ5e3c2mUt
jy6kr5D75+lZumn/uMHcQmnokjNhDq/AQBxEGdxW3vNG/K6LlOHvcX93
-----END PRIVATE KEY-----
`,
};

export const SECOND: Pair = {
  name: 'second',
  certificate: `-----BEGIN CERTIFICATE-----
MIIBZjCCAQugAwIBAgIFAJN5EIAwCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGc2Vj
b25kMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjARMQ8wDQYDVQQD
DAZzZWNvbmQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQJVI2JDkzd1tUiNhWe
vOIbIrT9oegluX/Sec7DkIT9QeOx3m5qCEoITDCMi8J7qSmcfBd4UTEKR/hmuFy4
j+yHo04wTDAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwDwYDVR0TAQH/BAUw
AwEB/zAdBgNVHQ4EFgQUISWyS37XhJQLJN3AWY9DPT4EECUwCgYIKoZIzj0EAwID
SQAwRgIhAJuNBhdfNjFASNX1z4PdTbw5KsSoq3Dc2CaLrkiBWsbhAiEAlrp3PSZO
qXIQlwgx5/K7U+cUYPGNVIwm61LWuc19Zrw=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgHzWmsyUW1mtTWTX/
5QY7420C8FqM/k/dZDIGYX6UmkyhRANCAAQJVI2JDkzd1tUiNhWevOIbIrT9oegl
uX/Sec7DkIT9QeOx3m5qCEoITDCMi8J7qSmcfBd4UTEKR/hmuFy4j+yH
-----END PRIVATE KEY-----
`,
};
