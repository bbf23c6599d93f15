"""pysnmp's security services by our names for them: an oracle written by others from the same documents."""

from __future__ import annotations

from typing import Any

from pysnmp.entity import config  # type: ignore[import-untyped]

from netmon.snmp.users import AuthProtocol, PrivProtocol

AUTH_OIDS: dict[AuthProtocol, tuple[int, ...]] = {
    AuthProtocol.MD5: config.USM_AUTH_HMAC96_MD5,
    AuthProtocol.SHA: config.USM_AUTH_HMAC96_SHA,
    AuthProtocol.SHA224: config.USM_AUTH_HMAC128_SHA224,
    AuthProtocol.SHA256: config.USM_AUTH_HMAC192_SHA256,
    AuthProtocol.SHA384: config.USM_AUTH_HMAC256_SHA384,
    AuthProtocol.SHA512: config.USM_AUTH_HMAC384_SHA512,
}
PRIV_OIDS: dict[PrivProtocol, tuple[int, ...]] = {
    PrivProtocol.DES: config.USM_PRIV_CBC56_DES,
    PrivProtocol.AES128: config.USM_PRIV_CFB128_AES,
    PrivProtocol.AES192: config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    PrivProtocol.AES256: config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    PrivProtocol.AES192C: config.USM_PRIV_CFB192_AES,
    PrivProtocol.AES256C: config.USM_PRIV_CFB256_AES,
}
AUTHS: dict[AuthProtocol, Any] = {auth: config.AUTH_SERVICES[oid] for auth, oid in AUTH_OIDS.items()}
PRIVS: dict[PrivProtocol, Any] = {priv: config.PRIV_SERVICES[oid] for priv, oid in PRIV_OIDS.items()}
